//! The number of states in each box, as first exhausted. A box that comes to another number was changed: by a new rule of
//! the protocol, by a new reduction, or by mistake. `check` says so, and `tests/boxes.rs` fails.

use serde::{Deserialize, Serialize};

/// How many states a box has.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Count {
    /// States reached, repetitions included: the transitions, and the first state.
    pub generated: u64,
    /// Different states, up to the nodes' names and without dead messages if the box reduces so.
    pub distinct: u64,
}

const PINNED: [(&str, u64, u64); 75] = [
    ("solo/one", 4_094, 2_683),
    ("solo/all", 4_094, 2_683),
    ("two/one", 296_770, 77_494),
    ("two/all", 663_378, 162_372),
    ("smoke/one", 40_021, 10_252),
    ("smoke/all", 137_145, 31_275),
    ("three/one", 7_830_560, 1_942_483),
    ("three/all", 36_499_953, 8_353_324),
    ("three-calm/one", 804_642, 291_417),
    ("three-calm/all", 4_253_479, 1_353_713),
    ("three-values/one", 9_634_728, 3_727_510),
    ("three-values/all", 309_091_955, 85_636_992),
    ("three-terms/one", 4_528_516, 947_835),
    ("three-terms/all", 5_007_728, 1_059_018),
    ("figure-eight/one", 59_229, 19_929),
    ("three-disk/one", 240_349_619, 35_921_929),
    ("three-disk/all", 226_580_193, 33_727_326),
    ("four/one", 1_764_456, 366_017),
    ("four/all", 8_700_229, 1_472_827),
    ("four-terms/one", 1_601_941, 370_563),
    ("four-terms/all", 2_007_946, 492_167),
    ("five/one", 32_774_704, 7_769_791),
    ("pre-vote/one", 2_606_484, 418_418),
    ("pre-vote/all", 2_643_609, 430_132),
    ("check-quorum/one", 372_582, 50_313),
    ("check-quorum/all", 1_391_734, 170_450),
    ("smoke-on/one", 877_625, 139_064),
    ("smoke-on/all", 3_199_702, 464_583),
    ("two-on/one", 670_653, 130_845),
    ("two-on/all", 671_392, 131_071),
    ("three-on/one", 30_244_839, 3_933_305),
    ("three-on/all", 32_994_437, 4_316_861),
    ("three-pre-vote/one", 65_450_538, 9_713_708),
    ("three-check-quorum/one", 15_529_370, 2_844_177),
    ("three-values-on/one", 2_050_706, 391_046),
    ("three-values-on/all", 63_610_304, 9_380_564),
    ("three-disk-on/one", 30_726_605, 3_668_970),
    ("three-disk-on/all", 30_726_605, 3_668_970),
    ("four-on/one", 916_380, 95_719),
    ("four-on/all", 916_380, 95_719),
    ("unreduced-on/one", 10_556_197, 1_564_041),
    ("unreduced-on/all", 10_707_869, 1_584_457),
    ("snapshot/one", 2_230_133, 653_562),
    ("snapshot/all", 2_994_911, 835_752),
    ("snapshot-newer/one", 16_238_852, 3_183_359),
    ("snapshot-newer/all", 68_694_923, 11_547_799),
    ("snapshot-tail/one", 73_625_883, 21_907_997),
    ("snapshot-crash/one", 17_825_428, 2_665_171),
    ("snapshot-crash/all", 17_825_428, 2_665_171),
    ("snapshot-disk/one", 10_244_158, 2_200_282),
    ("snapshot-disk/all", 20_437_191, 4_315_338),
    ("snapshot-damaged/one", 139_144, 30_870),
    ("snapshot-damaged/all", 139_144, 30_870),
    ("reads/one", 3_405_791, 846_384),
    ("reads/all", 4_103_558, 1_025_157),
    ("transfer/one", 5_870_324, 1_672_598),
    ("snapshot-on/one", 12_132_798, 1_818_384),
    ("reads-on/one", 15_690_092, 2_436_803),
    ("transfer-on/one", 16_578_930, 2_317_993),
    ("window/one", 904_438, 154_875),
    ("window-terms/one", 2_351_160, 454_661),
    ("window-terms/all", 2_351_160, 454_661),
    ("window-snapshot/one", 27_942, 7_506),
    ("snapshot-window/one", 1_838_601, 363_397),
    ("two-all/one", 4_069_589, 777_238),
    ("two-all/all", 4_069_589, 777_238),
    ("unreduced-all/one", 65_207_089, 11_336_081),
    ("unreduced-snapshot/one", 2_045_927, 326_026),
    ("unreduced-snapshot/all", 2_045_927, 326_026),
    ("three-large/one", 49_812_440, 12_029_019),
    ("three-large/all", 205_909_631, 48_639_567),
    ("unreduced-two/one", 33_373_142, 6_078_642),
    ("unreduced-two/all", 35_388_449, 6_431_888),
    ("unreduced-three/one", 497_979, 88_759),
    ("unreduced-three/all", 2_020_689, 327_430),
];

/// The count of a box by its full name, `three/one`; nothing for a box with altered bounds.
#[must_use]
pub fn count(full_name: &str) -> Option<Count> {
    let (_, generated, distinct) = *PINNED.iter().find(|(name, ..)| *name == full_name)?;
    Some(Count { generated, distinct })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bounds::Bounds;

    #[test]
    fn every_box_is_pinned_and_nothing_else_is() {
        let names: Vec<String> = Bounds::all()
            .iter()
            .flat_map(|bounds| bounds.variants())
            .map(|bounds| bounds.full_name())
            .collect();
        assert!(names.iter().all(|name| count(name).is_some()));
        assert_eq!(names.len(), PINNED.len());
    }
}
