//! The vault against S3 inside the process.

mod bodies;
mod crash;
mod damage;
mod fresh;
mod locks;
mod long;
mod model;
mod recover;
mod size;
mod world;
