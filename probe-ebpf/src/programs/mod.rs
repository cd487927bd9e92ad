//! The programs by what they watch, and the pieces they share.

mod calls;
mod connection;
mod copy;
mod data;
mod datagram;
mod filter;
mod globals;
mod lifecycle;
mod maps;
mod memory;
mod processes;
mod registers;
mod ring;
mod socket;
mod socket_layer;
mod table;
