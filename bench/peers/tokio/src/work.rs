//! The work, from command line and environment, and the sum over its fields; the rules are in ../../round.h.

use crate::Error;
use std::env;
use time::{Date, Month, OffsetDateTime, Time};
use tokio_postgres::types::ToSql;
use tokio_postgres::Row;

pub const SPAN: i32 = 100;
pub const BEGIN: &str = "begin isolation level repeatable read";
pub const READ: &str = "select balance from accounts where id = $1";
pub const UPDATE: &str = "update accounts set balance = balance + $2 where id = $1";

#[derive(Clone, Copy)]
pub enum Type {
    Int2,
    Int4,
    Oid,
    Bool,
    Char,
    Text,
    Bytea,
    Date,
    Timestamptz,
    Int4Array,
}

pub struct Work {
    pub name: String,
    pub seconds: f64,
    pub warm_up: f64,
    pub connections: i32,
    pub rows: usize,
    pub kind: String,
    pub sql: String,
    pub tls: String,
    pub port: String,
    pub ca: String,
    pub args: Vec<Box<dyn ToSql + Sync>>,
    pub columns: Vec<Type>,
}

fn type_of(name: &str) -> Type {
    match name {
        "int2" => Type::Int2,
        "int4" => Type::Int4,
        "oid" => Type::Oid,
        "bool" => Type::Bool,
        "char" => Type::Char,
        "name" | "text" => Type::Text,
        "bytea" => Type::Bytea,
        "date" => Type::Date,
        "timestamptz" => Type::Timestamptz,
        "int4[]" => Type::Int4Array,
        _ => std::process::exit(3),
    }
}

fn argument(text: &str) -> Result<Box<dyn ToSql + Sync>, Error> {
    let (kind, value) = text.split_once(':').ok_or("an argument is type:value")?;
    Ok(match kind {
        "int4" => Box::new(value.parse::<i32>()?),
        "bool" => Box::new(value == "true"),
        "float8" => Box::new(value.parse::<f64>()?),
        _ => Box::new(value.to_string()),
    })
}

impl Work {
    pub fn read() -> Result<Work, Error> {
        let a: Vec<String> = env::args().collect();
        if a.len() != 5 {
            return Err("usage: PROGRAM WORK SECONDS WARM_UP_SECONDS CONNECTIONS".into());
        }
        Ok(Work {
            name: a[1].clone(),
            seconds: a[2].parse()?,
            warm_up: a[3].parse()?,
            connections: a[4].parse()?,
            rows: env::var("BENCH_ROWS")?.parse()?,
            kind: env::var("BENCH_KIND")?,
            sql: env::var("BENCH_SQL")?,
            tls: env::var("BENCH_TLS")?,
            port: env::var("BENCH_PORT")?,
            ca: env::var("BENCH_CA")?,
            args: env::var("BENCH_ARGS")?.split_whitespace().map(argument).collect::<Result<_, _>>()?,
            columns: env::var("BENCH_COLUMNS")?.split_whitespace().map(type_of).collect(),
        })
    }
}

fn text_sum(v: &[u8]) -> i64 {
    match (v.first(), v.last()) {
        (Some(a), Some(b)) => v.len() as i64 + *a as i64 + *b as i64,
        _ => 0,
    }
}

fn field_sum(kind: Type, row: &Row, i: usize) -> Result<i64, Error> {
    let epoch = Date::from_calendar_date(2000, Month::January, 1)?;
    Ok(match kind {
        Type::Int2 => row.try_get::<_, i16>(i)?.into(),
        Type::Int4 => row.try_get::<_, i32>(i)?.into(),
        Type::Oid => row.try_get::<_, u32>(i)?.into(),
        Type::Bool => row.try_get::<_, bool>(i)?.into(),
        Type::Char => row.try_get::<_, i8>(i)?.into(),
        Type::Text => text_sum(row.try_get::<_, &str>(i)?.as_bytes()),
        Type::Bytea => text_sum(row.try_get::<_, &[u8]>(i)?),
        Type::Date => (row.try_get::<_, Date>(i)? - epoch).whole_days(),
        Type::Int4Array => row.try_get::<_, Vec<i32>>(i)?.into_iter().map(i64::from).sum(),
        Type::Timestamptz => {
            (row.try_get::<_, OffsetDateTime>(i)? - epoch.with_time(Time::MIDNIGHT).assume_utc()).whole_seconds()
        }
    })
}

pub fn checksum(columns: &[Type], rows: &[Row]) -> Result<i64, Error> {
    let mut sum = 0;
    for row in rows {
        for (i, kind) in columns.iter().enumerate() {
            sum += field_sum(*kind, row, i)?;
        }
    }
    Ok(sum)
}
