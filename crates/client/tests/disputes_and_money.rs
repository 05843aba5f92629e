//! The client against a real server: disputes from both sides, the wallet, webhooks.

use std::sync::Arc;

use marketplace_client::{
    AgentKey, Amount, Claim, Client, ClientError, Delivery, Dispute, Evidence, NewListing, Purchase,
};
use marketplace_testkit::app::TestApp;

fn client(app: &TestApp) -> anyhow::Result<Client> {
    let (clock, url) = (app.clock.clone(), app.server().public_url());
    Ok(Client::with_clock(url, AgentKey::generate()?, Arc::new(move || clock.now()))?)
}

struct Scene {
    app: TestApp,
    seller: Client,
    buyer: Client,
    listing: String,
}

async fn scene() -> anyhow::Result<Scene> {
    let app = TestApp::start(&[]).await?;
    let (seller, buyer) = (client(&app)?, client(&app)?);
    seller.ask_faucet().await?;
    buyer.ask_faucet().await?;
    let listing = NewListing {
        service_type: "custom".to_owned(),
        name: "Poems".to_owned(),
        description: "anything".to_owned(),
        price: "2".parse()?,
    };
    let listing = seller.list(&listing).await?.id;
    Ok(Scene { app, seller, buyer, listing })
}

impl Scene {
    /// A delivered order that its buyer disputes.
    async fn disputed(&self) -> anyhow::Result<Dispute> {
        let purchase = Purchase { listing_id: self.listing.clone(), ..Purchase::default() };
        let order_id = self.buyer.purchase(&purchase).await?.order_id;
        let work = Delivery { inline: Some("Roses are red".to_owned()), ..Delivery::default() };
        self.seller.deliver(&order_id, &work).await?;
        let claim = Claim {
            order_id,
            category: "poor_quality".to_owned(),
            remedy: "half".to_owned(),
            reason: "not a poem".to_owned(),
        };
        Ok(self.buyer.dispute(&claim).await?)
    }
}

fn may(dispute: &Dispute, action: &str) -> bool {
    dispute.available_actions.iter().any(|known| known.action == action)
}

#[tokio::test]
async fn a_dispute_is_answered_and_settled() -> anyhow::Result<()> {
    let Scene { app, seller, buyer, .. } = {
        let scene = scene().await?;
        let opened = scene.disputed().await?;
        assert_eq!(
            (opened.phase.as_str(), opened.disputer.as_str()),
            ("AWAITING_RESPONSE", "buyer")
        );
        scene
    };
    // The seller hears of it, and answers.
    let mut events = seller.events(Some(0));
    let told = loop {
        let event = events.next().await?;
        if event.event == "dispute.opened" {
            break event;
        }
    };
    let id = told.subject_id.as_str();
    let open = seller.disputes(true, None).await?;
    assert_eq!(open.results[0].dispute_id, id);
    assert!(may(&open.results[0], "contest") && open.results[0].due.is_some());
    let contested = seller.contest(id, true).await?;
    assert_eq!(contested.response.as_deref(), Some("contested"));
    assert_eq!(seller.wallet().await?.in_bonds, contested.counter_bond);
    let log = Evidence {
        inline: Some("a log".to_owned()),
        note: "see".to_owned(),
        ..Evidence::default()
    };
    let shown = buyer.add_evidence(id, &log).await?;
    let piece = &shown.evidence[0];
    assert_eq!((piece.by.as_str(), piece.size), ("buyer", 5));
    assert_eq!(seller.evidence(id, &piece.sha256).await?, b"a log");
    let half: Amount = "1".parse()?;
    let offered = seller.offer_settlement(id, half).await?;
    assert_eq!(offered.offer.map(|offer| offer.seller), Some(half));
    match buyer.accept_settlement(id, "0.5".parse()?).await {
        Err(ClientError::Refused(_)) => {}
        other => anyhow::bail!("another offer than was made: {other:?}"),
    }
    assert!(may(&buyer.show_dispute(id).await?, "accept-settlement"));
    let settled = buyer.accept_settlement(id, half).await?;
    assert_eq!(settled.phase, "SETTLED");
    assert_eq!(settled.verdict.and_then(|verdict| verdict.seller), Some(half));
    assert!(seller.disputes(true, None).await?.results.is_empty());
    assert_eq!(seller.disputes(false, None).await?.results.len(), 1);
    match seller.appeal(id).await {
        Err(ClientError::Refused(problem)) => assert_eq!(problem.status, 409, "{problem}"),
        other => anyhow::bail!("{other:?}"),
    }
    app.finish().await
}

#[tokio::test]
async fn a_claim_is_taken_back_or_given_in_to() -> anyhow::Result<()> {
    let scene = scene().await?;
    let withdrawn = scene.disputed().await?;
    let withdrawn = scene.buyer.withdraw_dispute(&withdrawn.dispute_id).await?;
    assert_eq!(withdrawn.phase, "WITHDRAWN");
    let conceded = scene.disputed().await?;
    let conceded = scene.seller.concede(&conceded.dispute_id).await?;
    assert_eq!(conceded.phase, "FINAL");
    assert_eq!(conceded.verdict.and_then(|verdict| verdict.finding).as_deref(), Some("half"));
    scene.app.finish().await
}

#[tokio::test]
async fn money_comes_in_is_accounted_for_and_goes_out() -> anyhow::Result<()> {
    let Scene { app, seller, buyer, .. } = scene().await?;
    let five: Amount = "5".parse()?;
    assert_eq!(buyer.deposit(five).await?, five);
    let two: Amount = "2".parse()?;
    let left = buyer.transfer(seller.did().as_str(), two, "thanks").await?;
    assert_eq!(left, "3".parse()?);
    let statement = buyer.statement(None).await?;
    let newest = &statement.results[0];
    assert_eq!((newest.amount, newest.balance), ("-2".parse()?, left));
    assert!(statement.results.iter().any(|entry| entry.amount == five));
    let fee = buyer.withdrawal_fee("1".parse()?).await?;
    let out = buyer.withdraw("1".parse()?).await?;
    assert_eq!(out.fee, fee);
    let wallet = buyer.wallet().await?;
    let one: Amount = "1".parse()?;
    assert_eq!(wallet.in_flight, one.checked_add(fee).expect("a small sum"));
    assert!(wallet.teg_balance.is_some());
    match buyer.claim_transfer("nothing").await {
        Err(ClientError::Refused(_)) => {}
        other => anyhow::bail!("{other:?}"),
    }
    app.finish().await
}

#[tokio::test]
async fn a_webhook_is_set_up_paused_and_removed() -> anyhow::Result<()> {
    let app = TestApp::start(&["--fetch-private-addresses=on"]).await?;
    let agent = client(&app)?;
    let hook = agent.add_webhook("http://127.0.0.1:9/hook", &["dispute.*"]).await?;
    assert!(hook.secret.is_some_and(|secret| secret.starts_with("whsec_")));
    let id = hook.webhook_id.as_str();
    assert_eq!(agent.act_on_webhook(id, "pause").await?.status, "paused");
    assert_eq!(agent.replay_webhook(id, 1, 2).await?.events, ["dispute.*"]);
    assert_eq!(agent.webhooks().await?.len(), 1);
    agent.act_on_webhook(id, "remove").await?;
    assert!(agent.webhooks().await?.is_empty());
    app.finish().await
}
