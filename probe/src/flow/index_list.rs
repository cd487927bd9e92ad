//! A queue of table slots from which any can be taken out at once.

/// The index that stands for none.
const NONE: u32 = u32::MAX;

/// A doubly linked list over the indices of a table, its links in one compact array.
#[derive(Debug, Clone)]
pub(super) struct IndexList {
    links: Vec<Link>,
    front: u32,
    back: u32,
}

#[derive(Debug, Clone, Copy)]
struct Link {
    before: u32,
    after: u32,
    linked: bool,
}

impl Default for IndexList {
    fn default() -> Self {
        Self { links: Vec::new(), front: NONE, back: NONE }
    }
}

impl IndexList {
    /// What an index costs, in bytes.
    pub(super) const BYTES_PER_PLACE: usize = size_of::<Link>();

    /// The index that has been in the list for longest.
    #[inline]
    pub(super) fn front(&self) -> Option<u32> {
        (self.front != NONE).then_some(self.front)
    }

    /// Whether the index is in the list.
    #[inline]
    pub(super) fn contains(&self, index: u32) -> bool {
        self.links.get(index as usize).is_some_and(|link| link.linked)
    }

    /// Puts the index at the back, wherever it was before.
    pub(super) fn move_to_back(&mut self, index: u32) {
        self.remove(index);
        let position = index as usize;
        if position >= self.links.len() {
            self.links.resize(position + 1, Link { before: NONE, after: NONE, linked: false });
        }
        self.links[position] = Link { before: self.back, after: NONE, linked: true };
        match self.links.get_mut(self.back as usize) {
            Some(back) => back.after = index,
            None => self.front = index,
        }
        self.back = index;
    }

    /// Takes the index out, if it is in.
    pub(super) fn remove(&mut self, index: u32) {
        let Some(link) = self.links.get_mut(index as usize) else { return };
        if !std::mem::take(&mut link.linked) {
            return;
        }
        let Link { before, after, .. } = *link;
        match self.links.get_mut(before as usize) {
            Some(neighbour) => neighbour.after = after,
            None => self.front = after,
        }
        match self.links.get_mut(after as usize) {
            Some(neighbour) => neighbour.before = before,
            None => self.back = before,
        }
    }

    /// The indices, oldest first.
    #[cfg(test)]
    fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        std::iter::successors(self.front(), |&index| {
            let after = self.links[index as usize].after;
            (after != NONE).then_some(after)
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_list_keeps_the_order_of_a_plain_queue(steps in prop::collection::vec((0u32..12, any::<bool>()), 0..200)) {
            let (mut list, mut plain) = (IndexList::default(), Vec::new());
            for (index, enter) in steps {
                plain.retain(|&other| other != index);
                if enter {
                    list.move_to_back(index);
                    plain.push(index);
                } else {
                    list.remove(index);
                }
                prop_assert_eq!(list.iter().collect::<Vec<_>>(), plain.clone());
                prop_assert_eq!(list.front(), plain.first().copied());
                prop_assert_eq!(list.contains(index), enter);
            }
        }
    }
}
