//! TLS against a real server, with certificates of our own: who is believed, and who is not.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use marketplace_postgres_cluster::{Server, Settings, shared};
use marketplace_store_postgres::{OpenError, Options, PostgresStore};

const KINDS: &str = "\
[req]
distinguished_name = name
prompt = no
[name]
CN = a test
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
[server]
basicConstraints = critical, CA:FALSE
subjectAltName = IP:127.0.0.1
";

/// Two authorities, and a server's certificate by the first of them. PostgreSQL's Debian package
/// brings openssl with it.
fn certificates(folder: &Path) {
    std::fs::write(folder.join("kinds"), KINDS).expect("a file");
    let make = |name: &str, kind: &str, more: &[&str]| {
        let mut openssl = Command::new("openssl");
        openssl.args(["req", "-x509", "-config", "kinds", "-extensions", kind, "-days", "2"]);
        openssl.args(["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]);
        openssl.arg("-keyout").arg(format!("{name}.key")).arg("-out").arg(format!("{name}.pem"));
        let output = openssl.args(more).current_dir(folder).output().expect("openssl is there");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    make("ours", "authority", &[]);
    make("strange", "authority", &[]);
    make("server", "server", &["-CA", "ours.pem", "-CAkey", "ours.key"]);
}

struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let name = format!("marketplace-tls-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).expect("a folder");
        Self(path)
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.0.join(name)).expect("a file")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

async fn open(url: &str) -> Result<PostgresStore, OpenError> {
    PostgresStore::open(url, Options::default()).await
}

#[tokio::test]
async fn only_a_server_that_proves_itself_is_believed() {
    let folder = Folder::new();
    certificates(&folder.0);
    let settings = Settings::fast();
    let settings =
        settings.with_certificate(&folder.read("server.pem"), &folder.read("server.key"));
    let server = Arc::new(Server::private(&settings).expect("a server with TLS"));
    let database = server.empty_database().expect("a database");
    let by = |name: &str| format!("&sslrootcert={}", folder.0.join(name).display());
    let elsewhere = database.url().replace("127.0.0.1", "localhost");
    for (url, options, opens) in [
        (database.url(), "sslmode=require".to_owned(), true),
        (database.url(), format!("sslmode=verify-full{}", by("ours.pem")), true),
        (database.url(), format!("sslmode=require{}", by("ours.pem")), true),
        (database.url(), format!("sslmode=verify-full{}", by("strange.pem")), false),
        (database.url(), format!("sslmode=require{}", by("strange.pem")), false),
        // The certificate is for the address, not for this name.
        (elsewhere, format!("sslmode=verify-full{}", by("ours.pem")), false),
    ] {
        let opened = open(&format!("{url}?{options}")).await;
        assert_eq!(opened.is_ok(), opens, "{url} {options}: {:?}", opened.err());
        if opened.is_ok() {
            let sessions = "SELECT bool_and(ssl), count(*) > 0 FROM pg_stat_ssl \
                            JOIN pg_stat_activity USING (pid) WHERE application_name = 'marketplace'";
            assert_eq!(database.sql(sessions).expect("an answer"), "t|t", "{options}");
        }
    }
    let plain = shared().empty_database().expect("a database");
    let refused = open(&format!("{}?sslmode=require", plain.url())).await;
    // A server that was given to the tests may have TLS.
    if plain.sql("SHOW ssl").expect("an answer") == "off" {
        assert!(refused.is_err(), "without TLS although it is required");
    }
}
