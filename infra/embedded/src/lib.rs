//! orderflow-embedded
