//! Lambda glue: event in, one engine call, outcome out.
