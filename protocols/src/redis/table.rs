//! The commands: which of their arguments are names, and which of them behave otherwise than one answer to one command.

use std::sync::LazyLock;

/// Which arguments of a command are names (keys, fields, channels) and may be shown. All others are values, or may be,
/// and are not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// None.
    None,
    /// All.
    All,
    /// The first ones.
    First(usize),
    /// All but the last.
    ButLast,
    /// Every other one, the first included: `MSET key value key value`.
    KeyValue,
    /// The first, and from the second on every other: `HSET key field value field value`.
    FieldValue,
    /// As many as the argument at this place says, right behind it: `ZUNION 2 key key WEIGHTS …`.
    Counted(usize),
    /// The same, and the first argument: `EVALSHA sha 1 key …`.
    NamedCounted(usize),
    /// Half of what follows the word `STREAMS`.
    Streams,
    /// The first is a subcommand, the others are none.
    Subcommand,
    /// The first is a subcommand, and shown if it is one of these: all else may be a secret in the wrong place.
    Only(&'static [&'static str]),
    /// A subcommand, then a key.
    SubcommandKey,
}

/// How a command behaves on the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// One command, one answer, soon.
    Plain,
    /// Reads one value by its key: a null is a miss.
    Lookup,
    /// May wait for as long as it likes.
    Blocking,
    /// `SELECT`.
    Select,
    /// `MULTI`.
    Multi,
    /// `EXEC`.
    Exec,
    /// `DISCARD`.
    Discard,
    /// One confirmation for each channel.
    Subscribe(Topic),
    /// One confirmation for each channel, or for each there is.
    Unsubscribe(Topic),
    /// `MONITOR`: what follows its answer are other connections' commands.
    Monitor,
    /// `SYNC` and `PSYNC`: what follows is replication.
    Sync,
    /// `REPLCONF ACK`, which only a replica says, and which has no answer.
    Acknowledge,
    /// `REPLCONF`.
    Replication,
    /// `CLIENT`.
    Client,
    /// `CLIENT REPLY ON`.
    ReplyOn,
    /// `CLIENT REPLY OFF`.
    ReplyOff,
    /// `CLIENT REPLY SKIP`.
    ReplySkip,
    /// `HELLO`.
    Hello,
    /// `RESET`.
    Reset,
    /// Runs the script or function that its first argument names.
    Procedure,
}

/// What is subscribed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Topic {
    /// A channel.
    Channel,
    /// A pattern of channels.
    Pattern,
    /// A channel of a shard.
    Shard,
}

/// What is known of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spec {
    pub(super) shape: Shape,
    pub(super) kind: Kind,
}

/// A command that nobody knows: nothing of it is shown but its name.
pub(super) const UNKNOWN: Spec = Spec { shape: Shape::None, kind: Kind::Plain };

const ACL: &[&str] = &[
    "CAT", "DELUSER", "DRYRUN", "GENPASS", "GETUSER", "HELP", "LIST", "LOAD", "LOG", "SAVE", "SETUSER",
    "USERS", "WHOAMI",
];
const CONFIG: &[&str] = &["GET", "HELP", "RESETSTAT", "REWRITE", "SET"];

/// The commands of Redis 8 and Valkey 9, parted by spaces.
const COMMANDS: &[(Shape, Kind, &str)] = &[
    (
        Shape::None,
        Kind::Plain,
        "ASKING AUTH BGREWRITEAOF BGSAVE CLUSTERSCAN DBSIZE ECHO FAILOVER FLUSHALL FLUSHDB LASTSAVE \
         LOLWUT MIGRATE MSETEX PING QUIT RANDOMKEY READONLY READWRITE REPLICAOF ROLE SAVE SCAN \
         SHUTDOWN SLAVEOF TIME UNWATCH",
    ),
    (Shape::First(1), Kind::Lookup, "GET GETDEL GETEX"),
    (Shape::All, Kind::Lookup, "HGET"),
    (
        Shape::First(1),
        Kind::Plain,
        "APPEND BITCOUNT BITFIELD BITFIELD_RO BITPOS DECR DECRBY DELEX DELIFEQ DIGEST DUMP EXPIRE \
         EXPIREAT EXPIRETIME GEOADD GEODIST GEOHASH GEOPOS GEORADIUS GEORADIUSBYMEMBER \
         GEORADIUSBYMEMBER_RO GEORADIUS_RO GEOSEARCH GETBIT GETRANGE GETSET HEXPIRE HEXPIREAT \
         HEXPIRETIME HGETALL HGETDEL HGETEX HKEYS HLEN HPERSIST HPEXPIRE HPEXPIREAT HPEXPIRETIME \
         HPTTL HRANDFIELD HSCAN HSETEX HTTL HVALS INCR INCRBY INCRBYFLOAT LINDEX LINSERT LLEN LPOP \
         LPOS LPUSH LPUSHX LRANGE LREM LSET LTRIM MOVE PERSIST PEXPIRE PEXPIREAT PEXPIRETIME PFADD \
         PSETEX PTTL PUBLISH RESTORE RESTORE-ASKING RPOP RPUSH RPUSHX SADD SCARD SET SETBIT SETEX \
         SETNX SETRANGE SISMEMBER SMEMBERS SMISMEMBER SORT SORT_RO SPOP SPUBLISH SRANDMEMBER SREM \
         SSCAN STRLEN SUBSTR TTL TYPE VADD VCARD VDIM VEMB VGETATTR VINFO VISMEMBER VLINKS \
         VRANDMEMBER VREM VSETATTR VSIM XADD XCFGSET XDEL XDELEX XLEN XRANGE XREVRANGE XSETID XTRIM \
         ZADD ZCARD ZCOUNT ZINCRBY ZLEXCOUNT ZMSCORE ZPOPMAX ZPOPMIN ZRANDMEMBER ZRANGE ZRANGEBYLEX \
         ZRANGEBYSCORE ZRANK ZREM ZREMRANGEBYLEX ZREMRANGEBYRANK ZREMRANGEBYSCORE ZREVRANGE \
         ZREVRANGEBYLEX ZREVRANGEBYSCORE ZREVRANK ZSCAN ZSCORE",
    ),
    (
        Shape::First(2),
        Kind::Plain,
        "COPY GEOSEARCHSTORE HINCRBY HINCRBYFLOAT LCS LMOVE SMOVE XACK XACKDEL XAUTOCLAIM XCLAIM \
         XPENDING ZRANGESTORE",
    ),
    (
        Shape::All,
        Kind::Plain,
        "BITOP DEL EXISTS HDEL HEXISTS HMGET HSTRLEN INFO KEYS MGET PFCOUNT PFMERGE RENAME RENAMENX \
         RPOPLPUSH SDIFF SDIFFSTORE SINTER SINTERSTORE SUNION SUNIONSTORE SWAPDB TOUCH UNLINK WATCH",
    ),
    (Shape::KeyValue, Kind::Plain, "MSET MSETNX"),
    (Shape::FieldValue, Kind::Plain, "HMSET HSET HSETNX"),
    (Shape::Counted(1), Kind::Plain, "LMPOP SINTERCARD ZDIFF ZINTER ZINTERCARD ZMPOP ZUNION"),
    (Shape::NamedCounted(2), Kind::Plain, "ZDIFFSTORE ZINTERSTORE ZUNIONSTORE"),
    (Shape::Counted(2), Kind::Plain, "EVAL EVAL_RO"),
    (Shape::NamedCounted(2), Kind::Procedure, "EVALSHA EVALSHA_RO FCALL FCALL_RO"),
    (Shape::ButLast, Kind::Blocking, "BLPOP BRPOP BZPOPMAX BZPOPMIN"),
    (Shape::First(2), Kind::Blocking, "BLMOVE BRPOPLPUSH"),
    (Shape::Counted(2), Kind::Blocking, "BLMPOP BZMPOP"),
    (Shape::None, Kind::Blocking, "WAIT WAITAOF"),
    (Shape::Streams, Kind::Plain, "XREAD XREADGROUP"),
    (
        Shape::Subcommand,
        Kind::Plain,
        "CLUSTER COMMAND COMMANDLOG DEBUG FUNCTION LATENCY MODULE PUBSUB SCRIPT SENTINEL SLOWLOG",
    ),
    (Shape::Only(ACL), Kind::Plain, "ACL"),
    (Shape::Only(CONFIG), Kind::Plain, "CONFIG"),
    (Shape::SubcommandKey, Kind::Plain, "MEMORY OBJECT XGROUP XINFO"),
    (Shape::Subcommand, Kind::Client, "CLIENT"),
    (Shape::All, Kind::Subscribe(Topic::Channel), "SUBSCRIBE"),
    (Shape::All, Kind::Subscribe(Topic::Pattern), "PSUBSCRIBE"),
    (Shape::All, Kind::Subscribe(Topic::Shard), "SSUBSCRIBE"),
    (Shape::All, Kind::Unsubscribe(Topic::Channel), "UNSUBSCRIBE"),
    (Shape::All, Kind::Unsubscribe(Topic::Pattern), "PUNSUBSCRIBE"),
    (Shape::All, Kind::Unsubscribe(Topic::Shard), "SUNSUBSCRIBE"),
    (Shape::All, Kind::Select, "SELECT"),
    (Shape::None, Kind::Multi, "MULTI"),
    (Shape::None, Kind::Exec, "EXEC"),
    (Shape::None, Kind::Discard, "DISCARD"),
    (Shape::None, Kind::Monitor, "MONITOR"),
    (Shape::None, Kind::Sync, "PSYNC SYNC"),
    (Shape::Subcommand, Kind::Replication, "REPLCONF"),
    (Shape::None, Kind::Hello, "HELLO"),
    (Shape::None, Kind::Reset, "RESET"),
];

/// Modules whose commands name what they work on first. Those of them that begin with several keys, or with none, are
/// told by the `M` after the dot.
const MODULES: &[&str] = &["BF", "CF", "CMS", "FT", "JSON", "TDIGEST", "TOPK", "TS"];

const BUCKETS: usize = 512;

type Bucket = Vec<(&'static [u8], Spec)>;

static TABLE: LazyLock<Vec<Bucket>> = LazyLock::new(|| {
    let mut table = vec![Bucket::new(); BUCKETS];
    for &(shape, kind, names) in COMMANDS {
        for name in names.split(' ') {
            if let Some(bucket) = table.get_mut(bucket(name.as_bytes())) {
                bucket.push((name.as_bytes(), Spec { shape, kind }));
            }
        }
    }
    table
});

/// Letters of either case fall into the same bucket.
#[inline]
fn bucket(name: &[u8]) -> usize {
    let at = |place: usize| usize::from(name.get(place).copied().unwrap_or_default() & 0x1f);
    let last = at(name.len().saturating_sub(1));
    (at(0) * 7 + at(1) * 29 + at(2) * 3 + last * 11 + name.len() * 37) % BUCKETS
}

/// What is known of a command by its name, which servers read without case.
#[inline]
pub(super) fn find(name: &[u8]) -> Option<Spec> {
    let bucket = TABLE.get(bucket(name))?;
    let known = bucket.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    known.map(|&(_, spec)| spec).or_else(|| find_in_module(name))
}

fn find_in_module(name: &[u8]) -> Option<Spec> {
    let dot = name.iter().position(|&byte| byte == b'.')?;
    let (module, command) = (name.get(..dot)?, name.get(dot + 1..)?);
    if !MODULES.iter().any(|known| known.as_bytes().eq_ignore_ascii_case(module)) {
        return None;
    }
    let is_plural = command.first().is_none_or(|first| first.eq_ignore_ascii_case(&b'M'));
    let shape = if is_plural || command.starts_with(b"_") { Shape::None } else { Shape::First(1) };
    Some(Spec { shape, kind: Kind::Plain })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_is_found_in_either_case_and_listed_once() {
        let mut seen = std::collections::BTreeSet::new();
        for &(shape, kind, names) in COMMANDS {
            for name in names.split(' ') {
                assert!(seen.insert(name), "{name} is listed twice");
                assert_eq!(find(name.as_bytes()), Some(Spec { shape, kind }), "{name}");
                assert_eq!(find(name.to_ascii_lowercase().as_bytes()), Some(Spec { shape, kind }), "{name}");
            }
        }
        let longest = TABLE.iter().map(Vec::len).max();
        assert!(longest <= Some(6), "{longest:?} commands share a bucket");
        assert_eq!(find(b"GETS"), None);
        assert_eq!(find(b""), None);
    }

    #[test]
    fn commands_of_modules_name_what_they_work_on() {
        assert_eq!(find(b"json.get").map(|spec| spec.shape), Some(Shape::First(1)));
        assert_eq!(find(b"JSON.MSET").map(|spec| spec.shape), Some(Shape::None));
        assert_eq!(find(b"MY.GET"), None);
    }
}
