//! A market as large as the card allows: how soon its index is built, and what it weighs.

use std::path::Path;
use std::time::{Duration, Instant};

use marketplace_engine::search::{
    Acceptance, Blend, Builder, Document, Index, Query, SellerFacts, ServiceKind,
};
use marketplace_money::{Currency, Reputation, Timestamp};
use marketplace_postgres_cluster::Server;
use marketplace_testkit::load::{ServerProcess, resident_kib};
use marketplace_testkit::scale::Catalogue;

const BUILD_LIMIT: Duration = Duration::from_secs(2);
const LIMIT_KIB: u64 = 60 * 1024;

/// Measures the index by itself, and a server over the same listings beside an empty one.
pub(crate) async fn measure(postgres: &Server, binary: &Path, listings: u64) -> anyhow::Result<()> {
    let market = Catalogue { listings };
    let (built, one_by_one, weight) = index(market)?;
    println!(
        "index of {listings} listings: built in {built:.2?} ({one_by_one:.2?} one by one), \
         {weight} KiB (limits {BUILD_LIMIT:?}, {LIMIT_KIB} KiB)"
    );
    let empty = resident(postgres, binary, "empty", None).await?;
    let full = resident(postgres, binary, "small", Some(market)).await?;
    let more = full.saturating_sub(empty);
    println!("a server over {listings} listings holds {more} KiB more than one over none");
    anyhow::ensure!(
        built < BUILD_LIMIT && one_by_one < BUILD_LIMIT,
        "the index is built too slowly"
    );
    anyhow::ensure!(weight < LIMIT_KIB && more < LIMIT_KIB, "the index is too large");
    Ok(())
}

async fn resident(
    postgres: &Server,
    binary: &Path,
    name: &str,
    market: Option<Catalogue>,
) -> anyhow::Result<u64> {
    let url = super::database(postgres, name).await?;
    if let Some(market) = market {
        market.load(postgres, name, super::now()?)?;
    }
    let folder = tempfile::tempdir()?;
    let server = ServerProcess::start(binary, folder.path(), &[("DATABASE_URL", &url)]).await?;
    let kib = resident_kib(server.id());
    kib.ok_or_else(|| anyhow::anyhow!("the system does not tell a process's memory"))
}

/// How long it takes to build, at once and listing by listing, and how much memory it takes.
fn index(market: Catalogue) -> anyhow::Result<(Duration, Duration, u64)> {
    let documents = (0..market.listings).map(|number| document(market, number));
    let documents: Vec<Document> = documents.collect::<anyhow::Result<_>>()?;
    let own = || resident_kib(std::process::id()).unwrap_or(u64::MAX);
    let (again, before, begun) = (documents.clone(), own(), Instant::now());
    let mut builder = Builder::new(Blend::DEFAULT);
    for document in documents {
        builder.add(document)?;
    }
    let index = builder.finish();
    let (built, weight) = (begun.elapsed(), own().saturating_sub(before));
    let begun = Instant::now();
    let mut grown = Index::default();
    for document in again {
        grown.upsert(document)?;
    }
    let one_by_one = begun.elapsed();
    let one = index.search(&Query::default())?.total;
    let other = grown.search(&Query::default())?.total;
    anyhow::ensure!(one == other && one as u64 == market.listings, "the index is not whole");
    Ok((built, one_by_one, weight))
}

fn document(market: Catalogue, number: u64) -> anyhow::Result<Document> {
    let listing = market.listing(number, Timestamp::from_micros(1 << 50))?;
    let reputation = Reputation::from_milli(Catalogue::standing(number));
    Ok(Document {
        id: listing.id,
        provider: listing.provider,
        service_type: ServiceKind::ALL[usize::try_from(number % 5)?],
        name: listing.offer.name,
        description: listing.offer.description,
        metadata_text: String::new(),
        tags: String::new(),
        price: listing.offer.price,
        price_follows_reputation: false,
        currency: Currency::Avt,
        delivery: listing.offer.terms.delivery,
        acceptance: Acceptance::BuyerConfirms,
        seller: SellerFacts { reputation, ..SellerFacts::default() },
        created_at: listing.created_at,
    })
}
