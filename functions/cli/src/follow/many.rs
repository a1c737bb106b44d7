//! Several backups on a stack at once: asked for, followed, and told of.

use std::process::ExitCode;

use anyhow::Result;
use futures_util::{StreamExt, stream::FuturesUnordered};
use seatbelt_model::{Run, RunStatus};
use serde_json::{Value, json};

use crate::{
    Context,
    commands::backup,
    failure::{self, PARTIAL, STOPPED},
    home::Home,
    jobs::Planned,
    output::say,
    progress::Progress,
    signals,
    stack::Stack,
};

/// Backs systems up on a stack, tells how each ended, and returns what the command ends with.
pub(crate) async fn run(
    stack: &Stack,
    home: &Home,
    systems: &[Planned],
    full: bool,
    progress: &Progress,
    context: &Context,
) -> Result<ExitCode> {
    let followed = follow(stack, home, systems, full, progress).await;
    report(&followed, home, context).await?;
    Ok(exit_code(&followed))
}

/// A system whose backup the stack was asked for, and its run once that is over; `None` if it is no longer followed.
struct Followed {
    name: String,
    result: Option<Result<Run>>,
}

/// Asks the stack's functions for backups, all at once, and follows them until they end or somebody stops it.
async fn follow(stack: &Stack, home: &Home, systems: &[Planned], full: bool, progress: &Progress) -> Vec<Followed> {
    let mut followed: Vec<Followed> = systems
        .iter()
        .map(|planned| Followed {
            name: planned.name.clone(),
            result: None,
        })
        .collect();
    let mut following: FuturesUnordered<_> = systems
        .iter()
        .enumerate()
        .map(|(index, planned)| async move {
            let clock = home.clock.as_ref();
            (
                index,
                super::back_up(stack, &home.catalog, clock, planned, full, progress).await,
            )
        })
        .collect();
    let mut stopped = std::pin::pin!(signals::interrupted());
    loop {
        tokio::select! {
            next = following.next() => match next {
                Some((index, result)) => followed[index].result = Some(result),
                None => return followed,
            },
            () = &mut stopped => return followed,
        }
    }
}

async fn report(followed: &[Followed], home: &Home, context: &Context) -> Result<()> {
    let out = context.out;
    if out.json {
        out.value(&followed.iter().map(details).collect::<Vec<_>>())?;
    }
    for Followed { name, result } in followed {
        match result {
            Some(Ok(run)) if succeeded(run) => backup::tell(run, home, context).await?,
            Some(Ok(_) | Err(_)) if out.json => {}
            Some(Ok(run)) => {
                let error = run.error.as_deref().unwrap_or("no reason is known");
                say(format!("error: {name}: run {} failed on AWS: {error}", run.id));
                if let Some(hint) = logs_hint(run) {
                    say(format!("hint: {hint}"));
                }
            }
            Some(Err(error)) => {
                say(format!("error: {}", failure::message(error)));
                if let Some(hint) = failure::hint(error) {
                    say(format!("hint: {hint}"));
                }
            }
            None => say(format!("{name}: {}", left(name, home))),
        }
    }
    Ok(())
}

/// What is said where following ended before the run did.
fn left(name: &str, home: &Home) -> String {
    let stack = home.stack.as_ref().map_or("NAME", |stack| stack.name.as_str());
    format!(
        "no longer followed; its run goes on on AWS, and seatbelt runs {name} --stack {stack} shows how it ends; \
         seatbelt backup {name} --stack {stack} follows it again"
    )
}

fn succeeded(run: &Run) -> bool {
    matches!(run.status, RunStatus::Complete | RunStatus::Partial)
}

/// Where a failed run said more. The group stands before the stream, if that is known.
fn logs_hint(run: &Run) -> Option<String> {
    let group = run.logs.as_deref()?.split(' ').next()?;
    Some(format!(
        "aws logs tail {group} --since 1h says more; seatbelt check {} signs in with the same credential",
        run.system
    ))
}

fn details(followed: &Followed) -> Value {
    match &followed.result {
        Some(Ok(run)) => json!(run),
        Some(Err(error)) => json!({
            "system": followed.name,
            "status": RunStatus::Failed,
            "error": failure::message(error),
            "hint": failure::hint(error),
        }),
        None => json!({
            "system": followed.name,
            "status": RunStatus::Running,
            "error": "no longer followed; the run goes on on AWS",
            "hint": format!("seatbelt runs {}", followed.name),
        }),
    }
}

fn exit_code(followed: &[Followed]) -> ExitCode {
    let any = |test: &dyn Fn(&Followed) -> bool| followed.iter().any(test);
    let failed = |followed: &Followed| match &followed.result {
        Some(Ok(run)) => !succeeded(run),
        Some(Err(_)) => true,
        None => false,
    };
    if any(&failed) {
        ExitCode::FAILURE
    } else if any(&|followed| followed.result.is_none()) {
        ExitCode::from(STOPPED)
    } else if any(&|followed| matches!(&followed.result, Some(Ok(run)) if run.status == RunStatus::Partial)) {
        ExitCode::from(PARTIAL)
    } else {
        ExitCode::SUCCESS
    }
}
