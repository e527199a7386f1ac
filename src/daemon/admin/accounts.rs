//! Accounts, and the lists of sanctions and of the audit.

use std::sync::Arc;

use chatroom::access::{AccessState, Account, Change, is_no_name};
use chatroom::admin::{AccountInfo, AccountRequest, Ban, Reply};
use chatroom::names::Name;
use chatroom::room::Refusal;
use chatroom::secret::Secret;
use jiff::Timestamp;
use tokio::task::spawn_blocking;

use super::commands::said;
use crate::access::{Actor, AuditEvent};
use crate::control::failed;
use crate::moderation::change;
use crate::shared::Shared;
use crate::users::Users;

/// The bans and mutes that are in force.
pub fn bans(shared: &Shared) -> Vec<Ban> {
    let access_state = shared.access.access_state();
    let sanctions = access_state.sanctions.in_force(Timestamp::now());
    let users = Users::read();
    let shown = sanctions.into_iter().map(|sanction| {
        let (by, uid) = users.resolve(&sanction.by);
        Ban {
            kind: sanction.kind.as_str().to_owned(),
            target: sanction.target.to_string(),
            until: sanction.term.until,
            reason: sanction.term.reason.clone(),
            since: sanction.made,
            by,
            uid,
        }
    });
    shown.collect()
}

/// The newest entries of the audit.
pub async fn audit(shared: &Arc<Shared>, limit: usize) -> Reply {
    let shared = shared.clone();
    match spawn_blocking(move || shared.access.audit(limit)).await {
        Ok(Ok(entries)) => Reply::Audit(entries),
        Ok(Err(error)) => failed(&format!("the audit cannot be read: {error}")),
        Err(_) => failed("chatroomd is ending"),
    }
}

/// Carries out a request about accounts.
pub async fn handle(shared: &Arc<Shared>, by: Actor, request: AccountRequest) -> Reply {
    if request == AccountRequest::List {
        let access_state = shared.access.access_state();
        let accounts = access_state.accounts().map(|account| AccountInfo {
            name: account.name.clone(),
            operator: account.is_operator,
            locked: account.is_locked,
            since: account.made,
        });
        return Reply::Accounts(accounts.collect());
    }
    said(change_account(shared, by, request).await)
}

async fn change_account(
    shared: &Arc<Shared>,
    by: Actor,
    request: AccountRequest,
) -> Result<String, Refusal> {
    let given = request.name().unwrap_or_default();
    let name = match (Name::new(given), shared.access.access_state().account(given)) {
        (Ok(name), _) => name.to_string(),
        // The account is from before the rules became stricter.
        (Err(_), Some(account)) => account.name.clone(),
        (Err(problem), None) => {
            let problem = is_no_name(given).map_or_else(|| problem.into(), Refusal::BadRequest);
            return Err(problem);
        }
    };
    let before = shared.access.access_state().account(&name).cloned();
    if let Some(said) = before.as_ref().and_then(|account| is_so_already(account, &request)) {
        return Ok(said);
    }
    let (target, done) = (name.clone(), Some(request.done(&name)));
    let event = AuditEvent { what: request.as_str(), target, done };
    let (sentence, decide): (&str, Decide) = match request {
        AccountRequest::List => return Ok(String::new()),
        AccountRequest::Add { password, operator, .. } => {
            let hash = hash(shared, password).await?;
            let name = name.clone();
            let add = move |access_state: &AccessState| match access_state.account(&name) {
                Some(_) => {
                    let problem = format!("There is an account called {name} already.");
                    Err(Refusal::BadRequest(problem))
                }
                None => {
                    if let Some(other) = access_state.confusable_account(&name) {
                        return Err(Refusal::LooksLike(Name::from_store(&other.name)));
                    }
                    let now = Timestamp::now();
                    let account = Account {
                        name,
                        hash,
                        is_operator: operator,
                        is_locked: false,
                        made: now,
                        renewed: now,
                    };
                    Ok(Change::PutAccount { account, renews: true })
                }
            };
            ("has an account now", Box::new(add))
        }
        AccountRequest::Remove { name } => {
            let remove = move |access_state: &AccessState| {
                with_account(access_state, &name, |account| Change::RemoveAccount(account.name))
            };
            ("has no account any more", Box::new(remove))
        }
        AccountRequest::Password { name, password } => {
            let old = before.map(|account| account.hash);
            password.check_new().map_err(Refusal::BadRequest)?;
            let hash = shared.access.passwords.hash_if_new(old.clone(), password).await?;
            if old.as_ref() == Some(&hash) {
                return Ok(format!("{name} has that password already. Nothing was changed."));
            }
            ("has another password now", put(name, true, move |account| account.hash = hash))
        }
        AccountRequest::Lock { name } => {
            ("is locked", put(name, true, |account| account.is_locked = true))
        }
        AccountRequest::Unlock { name } => {
            ("is no longer locked", put(name, false, |account| account.is_locked = false))
        }
        AccountRequest::Operator { name, on } => {
            let sentence = if on { "is an operator now" } else { "is no operator any more" };
            (sentence, put(name, false, move |account| account.is_operator = on))
        }
    };
    change(shared, by, event, decide).await?;
    Ok(format!("{name} {sentence}."))
}

/// The reply if the account is already as requested.
fn is_so_already(account: &Account, request: &AccountRequest) -> Option<String> {
    let state = match request {
        AccountRequest::Lock { .. } if account.is_locked => "is locked already",
        AccountRequest::Unlock { .. } if !account.is_locked => "is not locked",
        AccountRequest::Operator { on: true, .. } if account.is_operator => {
            "is an operator already"
        }
        AccountRequest::Operator { on: false, .. } if !account.is_operator => "is no operator",
        _ => return None,
    };
    Some(format!("{} {state}. Nothing was changed.", account.name))
}

type Decide = Box<dyn FnOnce(&AccessState) -> Result<Change, Refusal> + Send>;

/// Changes an account. If that `renews` it, members under its name are removed.
fn put(name: String, renews: bool, edit: impl FnOnce(&mut Account) + Send + 'static) -> Decide {
    Box::new(move |access_state| {
        with_account(access_state, &name, |mut account| {
            edit(&mut account);
            if renews {
                account.renewed = Timestamp::now();
            }
            Change::PutAccount { account, renews }
        })
    })
}

fn with_account(
    access_state: &AccessState,
    name: &str,
    make: impl FnOnce(Account) -> Change,
) -> Result<Change, Refusal> {
    let account = access_state.account(name).cloned();
    account.map(make).ok_or_else(|| Refusal::NoSuchAccount(name.to_owned()))
}

async fn hash(shared: &Shared, password: Secret) -> Result<String, Refusal> {
    password.check_new().map_err(Refusal::BadRequest)?;
    shared.access.passwords.hash(password).await
}
