//! `healthy`: the health check of our image, in which there is nothing else that could ask.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use marketplace_registry::install_tls_provider;

use crate::cli::HealthyArgs;

/// Less than what Docker and Kubernetes give a check.
const PATIENCE: Duration = Duration::from_secs(2);

pub(crate) async fn run(args: &HealthyArgs) -> Result<()> {
    install_tls_provider();
    let client = reqwest::Client::builder()
        .timeout(PATIENCE)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()?;
    let answer = client.get(&args.url).send().await.with_context(|| args.url.clone())?;
    if !answer.status().is_success() {
        bail!("{}: HTTP {}", args.url, answer.status().as_u16());
    }
    Ok(())
}
