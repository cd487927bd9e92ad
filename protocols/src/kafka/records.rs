//! What a record batch says of itself (<https://kafka.apache.org/documentation/#recordbatch>), magic 2, the format
//! since Kafka 0.11. Records themselves are not read, but for the header that carries a trace.

use crate::{TraceParent, reader::Reader, trace_context::trace_parent};

/// Bytes of a batch before the length that the rest of it is counted by.
const BEFORE_LENGTH: u64 = 12;
/// Bytes of a batch before its records.
const BATCH_HEADER: u64 = 61;
/// Headers of one record that are looked through.
const HEADERS: i64 = 32;

/// A batch's header.
struct Batch {
    length: u64,
    attributes: u16,
    count: u32,
}

fn batch(reader: &mut Reader<'_>) -> Option<Batch> {
    reader.skip(8)?; // base offset
    let length = BEFORE_LENGTH + u64::from(reader.u32_be()?);
    reader.skip(4)?; // leader epoch
    if reader.u8()? != 2 {
        return None;
    }
    reader.skip(4)?; // checksum
    let attributes = reader.u16_be()?;
    reader.skip(4 + 8 + 8 + 8 + 2 + 4)?; // last offset, two times, producer and its epoch, sequence
    let count = reader.u32_be()?;
    // An empty record takes seven bytes at least; compressed ones take less, but not nothing.
    (length >= BATCH_HEADER).then_some(Batch { length, attributes, count })
}

/// How many records so many bytes of batches hold, `None` unless that is certain: all batches' headers must be at hand.
pub(super) fn count(size: u32, bytes: &[u8]) -> Option<u32> {
    let mut left = u64::from(size);
    let mut rest = bytes;
    let mut count = 0_u32;
    while left > 0 {
        let batch = batch(&mut Reader::new(rest))?;
        left = left.checked_sub(batch.length)?;
        count = count.checked_add(batch.count)?;
        rest = usize::try_from(batch.length).ok().and_then(|length| rest.get(length..)).unwrap_or_default();
    }
    Some(count)
}

/// Whether these bytes begin with the header of a batch that fits into `size` bytes.
pub(super) fn looks_like_batch(size: u32, bytes: &[u8]) -> bool {
    batch(&mut Reader::new(bytes)).is_some_and(|batch| {
        // Compression, type of time, transactional, control, and whether the time is a deadline: the rest is unused.
        batch.length <= u64::from(size) && batch.attributes < 0x80
    })
}

/// Calls `visit` with the trace that a record's headers name, and its `tracestate` if there is one, for each record of uncompressed
/// batches that is at hand and among the first so many. Gives how many there were.
pub(super) fn contexts<'a>(
    bytes: &'a [u8],
    most: usize,
    visit: &mut dyn FnMut(TraceParent, Option<&'a [u8]>),
) -> usize {
    let mut rest = bytes;
    let mut looked_at = 0;
    while !rest.is_empty() && looked_at < most {
        let mut reader = Reader::new(rest);
        let Some(batch) = batch(&mut reader) else { break };
        let is_compressed = batch.attributes & 7 != 0;
        // Control batches hold the marks of transactions.
        let is_control = batch.attributes & 0x20 != 0;
        if !is_compressed && !is_control {
            for _ in 0..batch.count {
                if looked_at >= most {
                    return looked_at;
                }
                looked_at += 1;
                let Some(context) = record(&mut reader) else { return looked_at };
                if let Some((parent, state)) = context {
                    visit(parent, state);
                }
            }
        }
        rest = usize::try_from(batch.length).ok().and_then(|length| rest.get(length..)).unwrap_or_default();
    }
    looked_at
}

/// A trace with what vendors say of it.
type Context<'a> = (TraceParent, Option<&'a [u8]>);

/// Reads one record, `None` if it is not whole.
fn record<'a>(reader: &mut Reader<'a>) -> Option<Option<Context<'a>>> {
    let length = signed(reader)?;
    let mut record = Reader::new(reader.bytes(usize::try_from(length).ok()?)?);
    Some(record_context(&mut record))
}

fn record_context<'a>(record: &mut Reader<'a>) -> Option<Context<'a>> {
    record.skip(1)?; // attributes
    signed(record)?; // time
    signed(record)?; // offset
    text(record)?; // key
    text(record)?; // value
    let (mut parent, mut state) = (None, None);
    for _ in 0..signed(record)?.min(HEADERS) {
        let Some((name, value)) = text(record).zip(text(record)) else { break };
        match name {
            b"traceparent" => parent = parent.or_else(|| trace_parent(value)),
            b"tracestate" => state = state.or(Some(value)),
            _ => {}
        }
    }
    Some((parent?, state))
}

/// Bytes with their length before them; null is as good as empty here.
fn text<'a>(reader: &mut Reader<'a>) -> Option<&'a [u8]> {
    let length = signed(reader)?.max(0);
    reader.bytes(usize::try_from(length).ok()?)
}

/// A number of up to 64 bits in zig-zag code, seven bits a byte.
fn signed(reader: &mut Reader<'_>) -> Option<i64> {
    let mut value = 0_u64;
    for shift in (0..70).step_by(7) {
        let byte = reader.u8()?;
        value |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some((value >> 1).cast_signed() ^ -(value & 1).cast_signed());
        }
    }
    None
}
