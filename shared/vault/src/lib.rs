//! The snapshot format seatbelt/1 on S3.
