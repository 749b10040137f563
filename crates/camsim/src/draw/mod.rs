//! Drawing: SVG sheets become textures ([`texture`]), textures become bodies ([`body`]), bodies are
//! rasterised with a depth buffer through a pinhole camera ([`camera`], [`raster`]) onto a background that
//! was painted once ([`canvas`]). What stands where and moves how is `scene`'s business.

pub mod body;
pub mod camera;
pub mod canvas;
pub mod cast;
pub mod figure;
pub mod fleet;
pub mod paint;
pub mod raster;
pub mod texture;
