//! Tokens of this registry. Of their secrets there are only digests.

use std::collections::BTreeSet;

use diesel::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Tx;
use crate::error::{DatabaseResult as _, database_error, is_missing_reference};
use crate::nodes::MAX_IDS;
use crate::schema::api_tokens;
use modelport_domain::access::{ApiToken, Permission, Permissions, PrincipalId, TokenId, TokenLimits, WorkspaceId};
use modelport_domain::{Error, Millis, NodeId, Result};

#[derive(Queryable, Selectable)]
#[diesel(table_name = api_tokens)]
struct TokenRow {
    id: i64,
    public_id: String,
    principal_id: i64,
    name: String,
    permissions: String,
    workspaces: Option<String>,
    roots: Option<String>,
    created_at: i64,
    created_by: Option<i64>,
    expires_at: i64,
    revoked_at: Option<i64>,
    last_used_at: Option<i64>,
}

impl TryFrom<TokenRow> for ApiToken {
    type Error = Error;

    fn try_from(row: TokenRow) -> Result<Self> {
        let ids = |text: Option<&str>| text.map(read::<BTreeSet<i64>>).transpose();
        let permissions: Vec<String> = read(&row.permissions)?;
        // A permission that another release knows is none here.
        let permissions: Permissions = permissions.iter().filter_map(|name| name.parse().ok()).collect();
        let limits = TokenLimits {
            permissions,
            workspaces: ids(row.workspaces.as_deref())?.map(|ids| ids.into_iter().map(WorkspaceId).collect()),
            roots: ids(row.roots.as_deref())?.map(|ids| ids.into_iter().map(NodeId).collect()),
        };
        Ok(Self {
            id: TokenId(row.id),
            public_id: row.public_id,
            principal_id: PrincipalId(row.principal_id),
            name: row.name,
            limits,
            created_at: row.created_at,
            created_by: row.created_by.map(PrincipalId),
            expires_at: row.expires_at,
            revoked_at: row.revoked_at,
            last_used_at: row.last_used_at,
        })
    }
}

/// A token to be made.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// The part of its text that is no secret.
    pub public_id: String,
    /// The SHA-256 of its secret, in hexadecimal digits.
    pub hash: String,
    /// Whose it is.
    pub principal_id: PrincipalId,
    /// What its owner calls it.
    pub name: String,
    /// What it leaves of its owner's rights.
    pub limits: TokenLimits,
    /// Who makes it.
    pub created_by: Option<PrincipalId>,
    /// When it ends.
    pub expires_at: Millis,
}

/// Makes a token.
///
/// Errors: NotFound when its owner is gone.
pub fn insert(tx: &mut Tx<'_>, new: &NewToken, now: Millis) -> Result<ApiToken> {
    let permissions: Vec<&str> = new.limits.permissions.iter().map(Permission::name).collect();
    let workspaces = new.limits.workspaces.as_ref().map(|ids| ids.iter().map(|id| id.0).collect::<Vec<_>>());
    let roots = new.limits.roots.as_ref().map(|ids| ids.iter().map(|id| id.0).collect::<Vec<_>>());
    let values = (
        api_tokens::public_id.eq(&new.public_id),
        api_tokens::hash.eq(&new.hash),
        api_tokens::principal_id.eq(new.principal_id.0),
        api_tokens::name.eq(&new.name),
        api_tokens::permissions.eq(write(&permissions)?),
        api_tokens::workspaces.eq(workspaces.as_ref().map(write).transpose()?),
        api_tokens::roots.eq(roots.as_ref().map(write).transpose()?),
        api_tokens::created_at.eq(now),
        api_tokens::created_by.eq(new.created_by.map(|id| id.0)),
        api_tokens::expires_at.eq(new.expires_at),
    );
    let made = diesel::insert_into(api_tokens::table).values(values).returning(api_tokens::id).get_result(tx.conn);
    match made {
        Ok(id) => find(tx, TokenId(id))?.ok_or_else(|| Error::internal("a token is gone that was made just now")),
        Err(error) if is_missing_reference(&error) => {
            Err(Error::not_found(format!("principal `{}`", new.principal_id)))
        }
        Err(error) => Err(database_error(error)),
    }
}

/// The token of that id.
pub fn find(tx: &mut Tx<'_>, id: TokenId) -> Result<Option<ApiToken>> {
    let row = api_tokens::table.find(id.0).select(TokenRow::as_select()).first(tx.conn).optional().db()?;
    row.map(ApiToken::try_from).transpose()
}

/// The token whose text has that public part, and the digest of its secret.
pub fn find_by_public_id(tx: &mut Tx<'_>, public_id: &str) -> Result<Option<(ApiToken, String)>> {
    let named = api_tokens::table.filter(api_tokens::public_id.eq(public_id));
    let row = named.select((TokenRow::as_select(), api_tokens::hash)).first(tx.conn).optional().db()?;
    let Some((row, hash)): Option<(TokenRow, String)> = row else { return Ok(None) };
    Ok(Some((row.try_into()?, hash)))
}

/// The first `limit` tokens after that one, of one principal or of all, in the order of their ids.
pub fn list(
    tx: &mut Tx<'_>,
    principal: Option<PrincipalId>,
    after: Option<TokenId>,
    limit: i64,
) -> Result<Vec<ApiToken>> {
    let mut query = api_tokens::table
        .filter(api_tokens::id.gt(after.map_or(0, |id| id.0)))
        .order(api_tokens::id)
        .limit(limit)
        .select(TokenRow::as_select())
        .into_boxed();
    if let Some(principal) = principal {
        query = query.filter(api_tokens::principal_id.eq(principal.0));
    }
    let rows: Vec<TokenRow> = query.load(tx.conn).db()?;
    rows.into_iter().map(ApiToken::try_from).collect()
}

/// How many tokens of the principal count at that time.
pub fn count_valid(tx: &mut Tx<'_>, principal: PrincipalId, now: Millis) -> Result<i64> {
    let valid = api_tokens::revoked_at.is_null().and(api_tokens::expires_at.gt(now));
    api_tokens::table.filter(api_tokens::principal_id.eq(principal.0).and(valid)).count().get_result(tx.conn).db()
}

/// Revokes the token. `false` when it is revoked already, or gone.
pub fn revoke(tx: &mut Tx<'_>, id: TokenId, now: Millis) -> Result<bool> {
    let counts = api_tokens::table.find(id.0).filter(api_tokens::revoked_at.is_null());
    Ok(diesel::update(counts).set(api_tokens::revoked_at.eq(now)).execute(tx.conn).db()? > 0)
}

/// Lets a token count that was revoked.
pub fn restore(tx: &mut Tx<'_>, id: TokenId) -> Result<()> {
    let none = api_tokens::revoked_at.eq(None::<i64>);
    diesel::update(api_tokens::table.find(id.0)).set(none).execute(tx.conn).db().map(drop)
}

/// Revokes all tokens of a principal, and returns how many those were.
pub fn revoke_all(tx: &mut Tx<'_>, principal: PrincipalId, now: Millis) -> Result<usize> {
    let counts = api_tokens::principal_id.eq(principal.0).and(api_tokens::revoked_at.is_null());
    diesel::update(api_tokens::table.filter(counts)).set(api_tokens::revoked_at.eq(now)).execute(tx.conn).db()
}

/// Ends the token at that time, unless it ends before. `false` when it is revoked, or gone.
pub fn end_at(tx: &mut Tx<'_>, id: TokenId, until: Millis) -> Result<bool> {
    let counts = api_tokens::table.find(id.0).filter(api_tokens::revoked_at.is_null());
    let is_there = diesel::dsl::exists(counts);
    if !diesel::select(is_there).get_result::<bool>(tx.conn).db()? {
        return Ok(false);
    }
    let longer = api_tokens::table.find(id.0).filter(api_tokens::expires_at.gt(until));
    diesel::update(longer).set(api_tokens::expires_at.eq(until)).execute(tx.conn).db()?;
    Ok(true)
}

/// Removes the names of a principal's tokens, which may say who they were.
pub fn forget_names(tx: &mut Tx<'_>, principal: PrincipalId) -> Result<()> {
    let of = api_tokens::table.filter(api_tokens::principal_id.eq(principal.0));
    diesel::update(of).set(api_tokens::name.eq("")).execute(tx.conn).db()?;
    Ok(())
}

/// Records that these tokens were used.
pub fn record_used(tx: &mut Tx<'_>, ids: &[TokenId], now: Millis) -> Result<()> {
    for chunk in ids.chunks(MAX_IDS) {
        let among = api_tokens::id.eq_any(chunk.iter().map(|id| id.0).collect::<Vec<_>>());
        diesel::update(api_tokens::table.filter(among)).set(api_tokens::last_used_at.eq(now)).execute(tx.conn).db()?;
    }
    Ok(())
}

fn read<T: DeserializeOwned>(text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| Error::internal("the limits of a token are not JSON").caused_by(error))
}

fn write(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|error| Error::internal("the limits of a token are no JSON").caused_by(error))
}
