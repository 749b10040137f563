//! The vehicles that were drawn for the scenes: which sheet, which class, which colours are on the road
//! and how often. The drawings lie in `assets/vehicles`.

use wayside_types::RoadUserClass;

/// A drawn vehicle.
#[derive(Debug)]
pub struct Model {
    /// The drawing's file name without its end.
    pub name: &'static str,
    /// What it is.
    pub class: RoadUserClass,
    /// How common it is among its class.
    pub share: f64,
    /// Colours it is seen in.
    pub paints: &'static [[u8; 3]],
    /// The drawing.
    pub svg: &'static str,
}

const EVERYDAY: &[[u8; 3]] = &[
    [232, 232, 228],
    [198, 202, 205],
    [120, 126, 131],
    [62, 67, 72],
    [150, 30, 34],
    [44, 84, 140],
    [196, 60, 40],
    [88, 110, 92],
    [206, 203, 190],
];
const TAXI: &[[u8; 3]] = &[[238, 232, 212], [40, 120, 88]];
const BRIGHT: &[[u8; 3]] = &[[217, 179, 44], [196, 52, 40], [60, 130, 176], [232, 232, 228]];
const VAN: &[[u8; 3]] = &[[240, 239, 233], [225, 225, 220], [190, 196, 200], [52, 92, 150]];
const CITY_BUS: &[[u8; 3]] = &[[178, 42, 38], [44, 98, 160], [72, 120, 64]];
const ELECTRIC_BUS: &[[u8; 3]] = &[[44, 125, 90], [40, 120, 160]];
const COACH: &[[u8; 3]] = &[[228, 230, 227], [196, 200, 206], [206, 60, 44]];
const CAB: &[[u8; 3]] = &[[200, 207, 212], [164, 38, 43], [36, 81, 145], [231, 231, 227], [214, 180, 60]];

macro_rules! model {
    ($name:literal, $class:ident, $share:literal, $paints:ident) => {
        Model {
            name: $name,
            class: RoadUserClass::$class,
            share: $share,
            paints: $paints,
            svg: include_str!(concat!("../../assets/vehicles/", $name, ".svg")),
        }
    };
}

/// All of them.
pub const MODELS: &[Model] = &[
    model!("sedan", Car, 3.0, EVERYDAY),
    model!("saloon", Car, 2.0, EVERYDAY),
    model!("hatchback", Car, 3.0, EVERYDAY),
    model!("city-car", Car, 1.0, BRIGHT),
    model!("estate", Car, 2.0, EVERYDAY),
    model!("suv", Car, 3.0, EVERYDAY),
    model!("off-roader", Car, 1.0, EVERYDAY),
    model!("mpv", Car, 1.5, EVERYDAY),
    model!("delivery-van", Car, 0.6, VAN),
    model!("minibus", Car, 0.3, VAN),
    model!("pickup", Car, 0.4, EVERYDAY),
    model!("taxi", Car, 1.0, TAXI),
    model!("city-bus", Bus, 2.0, CITY_BUS),
    model!("electric-bus", Bus, 1.0, ELECTRIC_BUS),
    model!("coach", Bus, 1.0, COACH),
    model!("box-lorry", Truck, 2.0, CAB),
    model!("small-lorry", Truck, 3.0, CAB),
    model!("curtain-lorry", Truck, 0.3, CAB),
    model!("tipper", Truck, 0.3, CAB),
    model!("tanker", Truck, 0.3, CAB),
    model!("articulated-lorry", Truck, 0.15, CAB),
];

const GARMENTS: &[[u8; 3]] =
    &[[156, 47, 54], [63, 111, 143], [201, 178, 122], [77, 122, 74], [200, 71, 46], [47, 60, 92]];

macro_rules! person {
    ($name:literal, $class:ident) => {
        Model {
            name: $name,
            class: RoadUserClass::$class,
            share: 1.0,
            paints: GARMENTS,
            svg: include_str!(concat!("../../assets/people/", $name, ".svg")),
        }
    };
}

/// People on foot and on bicycles.
pub const PEOPLE: &[Model] = &[
    person!("walker-1", Pedestrian),
    person!("walker-2", Pedestrian),
    person!("walker-3", Pedestrian),
    person!("walker-4", Pedestrian),
    person!("cyclist-1", Bicycle),
    person!("cyclist-2", Bicycle),
    person!("cyclist-3", Bicycle),
];

/// Things that stand beside the road.
pub mod props {
    macro_rules! prop {
        ($constant:ident, $name:literal, $doc:literal) => {
            #[doc = $doc]
            pub const $constant: &str = include_str!(concat!("../../assets/props/", $name, ".svg"));
        };
    }
    prop!(HOUSE_1, "house-1", "18 m wide.");
    prop!(HOUSE_2, "house-2", "22 m wide.");
    prop!(HOUSE_3, "house-3", "16 m wide.");
    prop!(HOUSE_4, "house-4", "26 m wide.");
    prop!(TREE_1, "tree-1", "8.6 m high.");
    prop!(TREE_2, "tree-2", "7.4 m high.");
    prop!(TREE_3, "tree-3", "9.8 m high.");
    prop!(SIGNAL, "signal", "5.2 m high.");
    prop!(LAMP, "lamp", "9 m high.");
    prop!(BARRIER, "barrier", "40 m of guard rail.");
    prop!(CRATE, "crate", "A body without wheels.");
    prop!(CAPTION, "caption", "Says that the scene is drawn.");
}
