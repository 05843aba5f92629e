//! Against a real Redis, which is stopped and started again.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use marketplace_limits::SharedLimiter;
use marketplace_money::Seconds;
use marketplace_ports::{Limiter, Quota};

struct Redis {
    port: u16,
    child: Child,
}

impl Redis {
    fn start(folder: &Path, port: u16, more: &[&str]) -> Self {
        let port_text = port.to_string();
        let child = Command::new("redis-server")
            .args(["--port", &port_text, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .args(more)
            .current_dir(folder)
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server is installed: cargo xtask test does it");
        Self { port, child }
    }

    fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    fn cli(&self, args: &[&str]) -> String {
        let port = self.port.to_string();
        let ran = Command::new("redis-cli").args(["-p", &port]).args(args).output().unwrap();
        String::from_utf8_lossy(&ran.stdout).trim().to_owned()
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(Instant::now() < end, "{what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn is_shared(limiter: &SharedLimiter) -> bool {
    limiter.figures().shared == Some(true)
}

async fn allowed(limiter: &SharedLimiter, bucket: &str, quota: Quota, tries: usize) -> usize {
    let mut count = 0;
    for _ in 0..tries {
        count += usize::from(limiter.take(bucket, quota).await.allowed);
    }
    count
}

#[tokio::test]
async fn servers_share_buckets_and_go_on_alone() {
    let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
    let quota = Quota { requests: 10, window: Seconds(3_600) };
    let redis = Redis::start(folder.path(), port, &[]);
    let (one, two) =
        (SharedLimiter::open(&redis.url()).unwrap(), SharedLimiter::open(&redis.url()).unwrap());
    until("both reach it", || is_shared(&one) && is_shared(&two)).await;
    assert_eq!(allowed(&one, "a", quota, 6).await, 6);
    assert_eq!(allowed(&two, "a", quota, 20).await, 4, "the other server counted six");
    let told = one.take("a", quota).await;
    assert_eq!((told.allowed, told.left), (false, 0));
    assert!(told.next_in > Duration::from_secs(300), "{told:?}");
    let life: i64 = redis.cli(&["PTTL", "marketplace:limit:a"]).parse().unwrap();
    assert!((3_500_000..=3_600_000).contains(&life), "keys end by themselves: {life}");

    drop(redis);
    let begun = Instant::now();
    assert_eq!(allowed(&one, "a", quota, 20).await, 10, "alone, its bucket is full at first");
    assert!(begun.elapsed() < Duration::from_secs(1), "nobody waits: {:?}", begun.elapsed());
    assert_eq!((one.figures().shared, one.figures().fallbacks), (Some(false), 20));

    let redis = Redis::start(folder.path(), port, &[]);
    until("it is reached again", || is_shared(&one)).await;
    assert_eq!(allowed(&one, "b", quota, 3).await, 3);
    // The other one has not called meanwhile: its connection broke unseen.
    let _ = two.take("c", quota).await;
    until("and shares again", || is_shared(&two)).await;
    assert_eq!(allowed(&two, "b", quota, 20).await, 7);
    drop(redis);
}

#[tokio::test]
async fn a_redis_that_hangs_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let redis = Redis::start(folder.path(), free_port(), &[]);
    let limiter = SharedLimiter::open(&redis.url()).unwrap();
    until("it is reached", || is_shared(&limiter)).await;
    assert_eq!(redis.cli(&["CLIENT", "PAUSE", "60000", "ALL"]), "OK");
    let quota = Quota { requests: 100, window: Seconds(60) };
    let begun = Instant::now();
    assert_eq!(allowed(&limiter, "a", quota, 50).await, 50);
    assert!(
        begun.elapsed() < Duration::from_secs(2),
        "only the first waits: {:?}",
        begun.elapsed()
    );
    assert!(limiter.figures().fallbacks > 0);
}

#[tokio::test]
async fn a_cluster_is_found_by_one_of_its_nodes() {
    let folder = tempfile::tempdir().unwrap();
    let bus = free_port().to_string();
    let settings = ["--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf"];
    let settings = [&settings[..], &["--cluster-port", &bus]].concat();
    let redis = Redis::start(folder.path(), free_port(), &settings);
    until("it answers", || redis.cli(&["PING"]) == "PONG").await;
    assert_eq!(redis.cli(&["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]), "OK");
    until("all slots are served", || redis.cli(&["CLUSTER", "INFO"]).contains("cluster_state:ok"))
        .await;
    let limiter = SharedLimiter::open(&redis.url()).unwrap();
    until("it is reached", || is_shared(&limiter)).await;
    let quota = Quota { requests: 5, window: Seconds(3_600) };
    for bucket in ["a", "b", "c", "d"] {
        assert_eq!(allowed(&limiter, bucket, quota, 8).await, 5);
    }
    assert_eq!(limiter.figures().fallbacks, 0);
}
