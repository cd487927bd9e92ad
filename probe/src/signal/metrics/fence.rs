//! The two fences that keep the number of series under a cap, whatever is offered.
//!
//! **Values.** Within one service, one attribute of one metric may show `values_per_attribute` values. Whatever more there
//! is becomes `*`, and what was shown before stays as it is. Values are remembered by 64-bit hashes with secret keys.
//!
//! **Series.** One metric may have `series_per_metric` series, M, on this node. So that one wild service does not fold a
//! calm one, places are given out like this: a quarter of M is set aside, the same share of it for each of the services
//! that are told apart (two each by default). The rest is common, and a service may take as many common places as are
//! still free: the first wild one gets half of them, the second a quarter, and so on, so that there is always room for one
//! with fewer series. Measurements that find no place are added to the service's overflow point, of which there is
//! one for each metric and service: with `otel.metric.overflow` for its only attribute, under the service's resource.

use std::hash::{BuildHasher, RandomState};

use hashbrown::HashSet;

use super::key::Stored;

/// The value that stands for all that are past the limit.
pub(super) const FOLDED: &str = "*";

/// The values that the attributes of one metric have shown in one service.
#[derive(Debug, Default)]
pub(super) struct Values(Vec<(u8, HashSet<u64>)>);

impl Values {
    /// Whether a value may be shown.
    pub(super) fn admit(
        &mut self,
        attribute: u8,
        value: Stored<'_>,
        limit: usize,
        state: &RandomState,
    ) -> bool {
        let place = self.0.iter().position(|(known, _)| *known == attribute).unwrap_or_else(|| {
            self.0.push((attribute, HashSet::new()));
            self.0.len() - 1
        });
        let (_, shown) = &mut self.0[place];
        let hash = state.hash_one(value);
        if shown.contains(&hash) {
            return true;
        }
        let has_room = shown.len() < limit;
        if has_room {
            shown.insert(hash);
        }
        has_room
    }
}

/// The places that one metric has for series.
#[derive(Debug, Clone, Copy)]
pub(super) struct Places {
    limit: usize,
    /// What each service may have whatever the others do.
    share: usize,
    common: usize,
    taken: usize,
    common_taken: usize,
}

impl Places {
    pub(super) fn new(limit: usize, services: usize) -> Self {
        let share = (limit / 4 / services.max(1)).max(1);
        let aside = (share * services).min(limit / 4);
        Self { limit, share, common: limit - aside, taken: 0, common_taken: 0 }
    }

    /// Series that there are.
    pub(super) const fn taken(&self) -> usize {
        self.taken
    }

    /// Takes a place for a service that has `own` already, if there is one. `is_probe` says that it is the probe itself,
    /// which shares its metrics with nobody.
    pub(super) const fn take(&mut self, own: usize, is_probe: bool) -> bool {
        if self.taken >= self.limit {
            return false;
        }
        if own >= self.share {
            let free = self.common.saturating_sub(self.common_taken);
            if !is_probe && own - self.share >= free {
                return false;
            }
            self.common_taken += 1;
        }
        self.taken += 1;
        true
    }

    /// Gives a place back. `own` is what the service had with it.
    pub(super) const fn give_back(&mut self, own: usize) {
        self.taken -= 1;
        if own > self.share {
            self.common_taken -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Series that services get who each ask for as many.
    fn shares(places: &mut Places, asked: &[usize]) -> Vec<usize> {
        let got = |places: &mut Places, asked| {
            let mut own = 0;
            while own < asked && places.take(own, false) {
                own += 1;
            }
            own
        };
        asked.iter().map(|&asked| got(places, asked)).collect()
    }

    #[test]
    fn a_wild_service_leaves_room_for_calm_ones() {
        let mut places = Places::new(2000, 200);
        let got = shares(&mut places, &[1_000_000, 60, 1_000_000, 60, 1_000_000, 60]);
        assert_eq!((got[1], got[3], got[5]), (60, 60, 60), "{got:?}");
        assert!(got[0] > 700, "{got:?}");
        assert!(places.taken() <= 2000);
    }

    #[test]
    fn every_service_gets_its_share_however_many_are_wild() {
        let mut places = Places::new(2000, 200);
        let got = shares(&mut places, &[1_000_000; 200]);
        assert!(got.iter().all(|&got| got >= 2), "{got:?}");
        assert!(places.taken() <= 2000);
    }

    #[test]
    fn places_that_were_given_back_can_be_taken_again() {
        let mut places = Places::new(100, 10);
        let got = shares(&mut places, &[1000])[0];
        (1..=got).rev().for_each(|own| places.give_back(own));
        assert_eq!((places.taken(), places.common_taken), (0, 0));
        assert_eq!(shares(&mut places, &[1000]), [got]);
    }

    #[test]
    fn small_limits_hold_as_well() {
        for limit in 0..12 {
            let mut places = Places::new(limit, 200);
            shares(&mut places, &[1000; 20]);
            assert!(places.taken() <= limit);
            let mut places = Places::new(limit, 200);
            while places.take(places.taken(), true) {}
            assert_eq!(places.taken(), limit);
        }
    }

    #[test]
    fn a_value_that_was_shown_stays_and_further_ones_are_refused() {
        let state = RandomState::new();
        let mut values = Values::default();
        let texts: Vec<_> = (0..5).map(|number| format!("v{number}")).collect();
        let admitted: Vec<_> =
            texts.iter().map(|text| values.admit(1, Stored::Text(text), 3, &state)).collect();
        assert_eq!(admitted, [true, true, true, false, false]);
        assert!(values.admit(1, Stored::Text("v0"), 3, &state));
        assert!(values.admit(2, Stored::Text("v4"), 3, &state), "another attribute has its own values");
    }
}
