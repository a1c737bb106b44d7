//! The Lambda function of this platform.

fn main() -> anyhow::Result<()> {
    seatbelt_runtime::serve(&seatbelt_wordpress::WORDPRESS)
}
