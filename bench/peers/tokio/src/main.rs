//! The works of ../../round.h through tokio-postgres on one thread: prepared statements, requests sent together where
//! that saves round trips, every field read as its native type.

mod rounds;
mod work;

use futures_util::future::{try_join, try_join3, try_join_all};
use openssl::ssl::{SslConnector, SslMethod};
use postgres_openssl::MakeTlsConnector;
use std::cell::Cell;
use std::rc::Rc;
use tokio::task::spawn_local;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Config, NoTls, Statement};
use work::{checksum, Work, BEGIN, READ, SPAN, UPDATE};

type Error = Box<dyn std::error::Error>;

struct Connector {
    config: Config,
    tls: Option<MakeTlsConnector>,
}

impl Connector {
    /// One TLS context for all connections: the certificates are read once.
    fn new(work: &Work) -> Result<Connector, Error> {
        let sides = match work.tls.as_str() {
            "disable" => "user=trust_user sslmode=disable".to_string(),
            how => format!("user=password_user password=secret sslmode=require sslnegotiation={how}"),
        };
        let config = format!("host=localhost hostaddr=127.0.0.1 port={} dbname=postgres {sides}", work.port).parse()?;
        let mut tls = None;
        if work.tls != "disable" {
            let mut builder = SslConnector::builder(SslMethod::tls_client())?;
            builder.set_ca_file(&work.ca)?;
            builder.set_alpn_protos(b"\x0apostgresql")?;
            tls = Some(MakeTlsConnector::new(builder.build()));
        }
        Ok(Connector { config, tls })
    }

    async fn connect(&self) -> Result<Client, Error> {
        match &self.tls {
            None => {
                let (client, connection) = self.config.connect(NoTls).await?;
                spawn_local(connection);
                Ok(client)
            }
            Some(tls) => {
                let (client, connection) = self.config.connect(tls.clone()).await?;
                spawn_local(connection);
                Ok(client)
            }
        }
    }
}

enum Kind {
    Query(Statement),
    Batch(Statement),
    Connect,
    Transfer { read: Statement, update: Statement, begin: Statement, commit: Statement },
}

/// One connection and what it does again and again.
pub struct Worker {
    work: Rc<Work>,
    connector: Rc<Connector>,
    client: Option<Client>,
    kind: Kind,
    index: i32,
    n: Cell<i32>,
    pub sum: Cell<i64>,
}

impl Worker {
    async fn new(work: &Rc<Work>, connector: &Rc<Connector>, index: i32) -> Result<Worker, Error> {
        let client = connector.connect().await?;
        let kind = match work.kind.as_str() {
            "query" => Kind::Query(client.prepare(&work.sql).await?),
            "batch" => Kind::Batch(client.prepare(&work.sql).await?),
            "connect" => Kind::Connect,
            "transfer" => Kind::Transfer {
                begin: client.prepare(BEGIN).await?,
                read: client.prepare(READ).await?,
                update: client.prepare(UPDATE).await?,
                commit: client.prepare("commit").await?,
            },
            _ => std::process::exit(3),
        };
        let client = if matches!(kind, Kind::Connect) { None } else { Some(client) };
        let (work, connector) = (work.clone(), connector.clone());
        Ok(Worker { work, connector, client, kind, index, n: Cell::new(0), sum: Cell::new(0) })
    }

    pub async fn once(&self) -> Result<u64, Error> {
        self.n.set(self.n.get() + 1);
        match &self.kind {
            Kind::Query(statement) => self.query(self.client.as_ref().unwrap(), statement).await,
            Kind::Batch(statement) => self.batch(self.client.as_ref().unwrap(), statement).await,
            Kind::Connect => self.connect().await,
            Kind::Transfer { begin, read, update, commit } => {
                let client = self.client.as_ref().unwrap();
                self.transfer(client, begin, read, update, commit).await
            }
        }
    }

    fn parameters(&self) -> Vec<&(dyn ToSql + Sync)> {
        self.work.args.iter().map(|a| a.as_ref()).collect()
    }

    async fn query(&self, client: &Client, statement: &Statement) -> Result<u64, Error> {
        let rows = client.query(statement, &self.parameters()).await?;
        self.sum.set(self.sum.get() + checksum(&self.work.columns, &rows)?);
        Ok(rows.len() as u64)
    }

    async fn batch(&self, client: &Client, statement: &Statement) -> Result<u64, Error> {
        let parameters = self.parameters();
        client.batch_execute("begin").await?;
        let counts = try_join_all((0..self.work.rows).map(|_| client.execute(statement, &parameters))).await?;
        client.batch_execute("commit").await?;
        Ok(counts.iter().sum())
    }

    async fn connect(&self) -> Result<u64, Error> {
        let client = self.connector.connect().await?;
        let rows = client.query_typed(&self.work.sql, &[]).await?;
        self.sum.set(self.sum.get() + checksum(&self.work.columns, &rows)?);
        Ok(1)
    }

    async fn transfer(
        &self,
        client: &Client,
        begin: &Statement,
        read: &Statement,
        update: &Statement,
        commit: &Statement,
    ) -> Result<u64, Error> {
        let source = self.index * SPAN + self.n.get() % SPAN;
        let sink = self.index * SPAN + (self.n.get() + 1) % SPAN;
        let from: [&(dyn ToSql + Sync); 1] = [&source];
        let debit: [&(dyn ToSql + Sync); 2] = [&source, &-1i32];
        let credit: [&(dyn ToSql + Sync); 2] = [&sink, &1i32];

        let (_, row) = try_join(client.execute(begin, &[]), client.query_one(read, &from)).await?;
        if row.try_get::<_, i32>(0)? < 1 {
            return Err("the account is empty".into());
        }
        try_join3(client.execute(update, &debit), client.execute(update, &credit), client.execute(commit, &[])).await?;
        Ok(1)
    }
}

async fn run() -> Result<(), Error> {
    let work = Rc::new(Work::read()?);
    let connector = Rc::new(Connector::new(&work)?);
    let mut workers = Vec::new();
    for index in 0..work.connections {
        workers.push(Worker::new(&work, &connector, index).await?);
    }
    workers[0].once().await?;
    let first = workers[0].sum.get();
    rounds::rounds(&work, first, &workers).await
}

fn main() -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    tokio::task::LocalSet::new().block_on(&runtime, run())
}
