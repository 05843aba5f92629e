//! The client against a real server: a trade, answers that got lost, events over a restart.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use marketplace_client::{
    AgentKey, Client, ClientError, Delivery, Events, NewListing, Order, Purchase, Search,
};
use marketplace_testkit::app::TestApp;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

fn client(app: &TestApp, url: &str) -> anyhow::Result<Client> {
    client_of(app, url, AgentKey::generate()?)
}

fn client_of(app: &TestApp, url: &str, key: AgentKey) -> anyhow::Result<Client> {
    let clock = app.clock.clone();
    let client = Client::with_clock(url, key, Arc::new(move || clock.now()))?;
    Ok(client.for_audience(app.server().public_url()))
}

/// Reads on up to the first event of this name; each lies behind the one before it.
async fn up_to(events: &mut Events, name: &str) -> anyhow::Result<()> {
    loop {
        let before = events.position();
        let event = events.next().await?;
        assert!(Some(event.position) > before, "{event:?} is told twice");
        if event.event == name {
            return Ok(());
        }
    }
}

async fn offer(seller: &Client, name: &str) -> anyhow::Result<String> {
    let listing = NewListing {
        service_type: "custom".to_owned(),
        name: name.to_owned(),
        description: "anything".to_owned(),
        price: "2".parse()?,
    };
    Ok(seller.list(&listing).await?.id)
}

async fn buy(buyer: &Client, listing: &str) -> anyhow::Result<Order> {
    let quote = buyer.quote(listing).await?;
    let purchase =
        Purchase { listing_id: listing.to_owned(), quote: Some(quote.quote), expected_total: None };
    Ok(buyer.purchase(&purchase).await?)
}

/// A door that lets whole requests in and then slams before the answer, every other time.
async fn door(to: std::net::SocketAddr, slammed: Arc<AtomicUsize>) -> anyhow::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    tokio::spawn(async move {
        while let Ok((mut from, _)) = listener.accept().await {
            let slammed = slammed.clone();
            tokio::spawn(async move {
                let mut server = TcpStream::connect(to).await?;
                let mut bytes = vec![0; 64 * 1024];
                loop {
                    let read = from.read(&mut bytes).await?;
                    if read == 0 {
                        return Ok(());
                    }
                    server.write_all(&bytes[..read]).await?;
                    let answered = server.read(&mut bytes).await?;
                    if slammed.fetch_add(1, Ordering::SeqCst).is_multiple_of(2) {
                        return Ok::<_, std::io::Error>(());
                    }
                    from.write_all(&bytes[..answered]).await?;
                }
            });
        }
    });
    Ok(url)
}

#[tokio::test]
async fn a_trade_with_lost_answers_and_a_restart() -> anyhow::Result<()> {
    let mut app = TestApp::start(&[]).await?;
    let url = app.server().public_url().to_owned();
    let key = AgentKey::generate()?;
    let (seller, buyer) = (client(&app, &url)?, client_of(&app, &url, key.clone())?);
    seller.ask_faucet().await?;
    buyer.ask_faucet().await?;
    let listing = offer(&seller, "Poems").await?;
    let search = Search { query: Some("poems".to_owned()), ..Search::default() };
    let found = buyer.search(&search).await?;
    assert_eq!(found.results[0].id, listing);

    let order = buy(&buyer, &listing).await?.order_id;
    let mut events = buyer.events(Some(0));
    up_to(&mut events, "order.placed").await?;
    let work = Delivery { inline: Some("Roses are red".to_owned()), ..Delivery::default() };
    seller.deliver(&order, &work).await?;
    up_to(&mut events, "order.delivered").await?;
    let position = events.position();
    assert!(position.is_some());
    assert_eq!(buyer.accept(&order).await?.status, "COMPLETED");
    app.restart().await?;

    // Another address now; a reader goes on from where the first one was.
    let url = app.server().public_url().to_owned();
    let stranger = client(&app, &url)?;
    match stranger.order(&order).await {
        Err(ClientError::Refused(problem)) => assert_eq!(problem.code, "order_not_found"),
        other => anyhow::bail!("{other:?}"),
    }
    let mut events = client_of(&app, &url, key)?.events(position);
    up_to(&mut events, "order.closed").await?;

    // Every other answer gets lost: what was done is done once.
    let slammed = Arc::new(AtomicUsize::new(0));
    let shaky = door(app.server().addr(), slammed.clone()).await?;
    let poor = client(&app, &shaky)?;
    poor.ask_faucet().await.ok();
    let listing = offer(&poor, "Songs").await?;
    let rich = client(&app, &shaky)?;
    rich.ask_faucet().await.ok();
    let order = buy(&rich, &listing).await?;
    poor.deliver(&order.order_id, &work).await?;
    assert_eq!(rich.accept(&order.order_id).await?.status, "COMPLETED");
    assert!(slammed.load(Ordering::SeqCst) > 8, "no answer was lost");
    assert_eq!(poor.wallet().await?.available, "2".parse()?);
    app.finish().await
}
