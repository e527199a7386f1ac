//! Somebody who listens only, with text as `nc` would, and checks the number of every message.

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

use crate::account::Shared;
use crate::network::Way;

/// Listens until it is over. Whoever is disconnected does not come back.
pub async fn listen(number: usize, way: Way, account: Shared) {
    if hear(number, &way, &account).await.is_err() || !account.borrow().is_over {
        account.borrow_mut().lost += 1;
    }
}

async fn hear(number: usize, way: &Way, account: &Shared) -> std::io::Result<()> {
    let (reader, mut writer) = tokio::io::split(way.connect().await?);
    let run = std::process::id();
    writer.write_all(format!("idle{run}-{number}\n").as_bytes()).await?;
    let mut lines = BufReader::new(reader).split(b'\n');
    let said = format!("crowd{run}-0: {run}-");
    let mut next = 0;
    while let Some(line) = lines.next_segment().await? {
        if line.starts_with(b"[SERVER]: Welcome ") {
            account.borrow_mut().joined += 1;
        }
        let Some(rest) = line.strip_prefix(said.as_bytes()) else { continue };
        let Some(number) = std::str::from_utf8(rest).ok().and_then(|text| text.parse::<u64>().ok())
        else {
            continue;
        };
        let mut account = account.borrow_mut();
        match number.checked_sub(next) {
            Some(skipped) => account.skipped += skipped,
            None => account.doubled += 1,
        }
        next = next.max(number + 1);
        account.heard_by_idlers += 1;
    }
    Ok(())
}
