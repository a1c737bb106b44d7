//! What every store must do: run against the embedded engine, and against an emulator of DynamoDB if
//! `SEATBELT_TEST_DYNAMODB_ENDPOINT` names one.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(clippy::print_stderr, reason = "a part that is skipped must say so")]

mod faults;
mod findings;
mod leases;
mod manifest;
mod memory;
mod runs;
mod store;
mod units;

/// Each check as a test of its own on the embedded engine, and all of them as the suite for any other store.
macro_rules! suite {
    ($($topic:ident: $($check:ident)*;)*) => {
        mod embedded {$(
            mod $topic {$(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $check() {
                    let home = tempfile::tempdir().unwrap();
                    crate::$topic::$check(crate::store::embedded(home.path()).await).await;
                }
            )*}
        )*}

        /// Runs every check on tables of its own.
        async fn suite(client: &aws_sdk_dynamodb::Client) {
            $($(
                eprintln!("{}: {}", stringify!($topic), stringify!($check));
                $topic::$check(store::fresh(client).await).await;
            )*)*
        }
    };
}

suite! {
    manifest:
        an_entry_reads_back_and_its_version_grows
        the_second_of_two_editors_gets_a_conflict
        of_many_first_writers_one_wins
        a_write_keeps_what_it_does_not_know
        what_people_type_is_reported_and_never_fatal
        an_entry_typed_by_hand_has_version_zero
        removing_needs_the_version_that_is_there
        an_entry_is_read_whatever_its_name;
    runs:
        a_run_reads_back_as_it_was
        of_many_creators_one_wins
        the_newest_come_first_and_nothing_else_is_listed
        a_history_beyond_one_page_is_read_on
        all_systems_have_one_history
        a_run_that_is_over_stays_so
        a_superseded_invocation_cannot_save
        open_runs_are_found_and_closed_ones_forgotten
        a_damaged_record_hides_no_other;
    leases:
        of_many_takers_one_wins
        it_is_taken_over_after_its_expiry_only
        a_lease_lost_cannot_be_renewed_or_released
        a_holder_may_take_it_again
        clocks_that_disagree_never_make_two_holders
        a_damaged_lease_is_reported
        who_holds_it_is_read_without_taking_it;
    memory:
        what_was_written_is_recalled
        more_than_an_item_holds_is_compressed
        of_two_who_write_one_is_refused
        what_somebody_edited_is_reported;
    units:
        planning_twice_changes_nothing
        each_is_claimed_once
        a_claim_passes_on_after_its_expiry_only
        a_worker_that_lost_its_claim_is_refused
        a_claim_can_be_prolonged_and_given_back
        the_holder_of_the_lease_takes_any
        finishing_twice_is_harmless
        checkpoints_may_be_large_but_not_too_large
        deleting_takes_the_units_of_one_run;
    findings:
        they_are_noted_replaced_and_cleared
        each_system_and_source_has_its_own
        a_damaged_note_hides_no_other;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn emulator() {
    match std::env::var("SEATBELT_TEST_DYNAMODB_ENDPOINT") {
        Ok(endpoint) => suite(&store::emulator(&endpoint)).await,
        Err(_) => {
            eprintln!("SKIPPED: SEATBELT_TEST_DYNAMODB_ENDPOINT is not set, so the suite did not run on an emulator");
        }
    }
}
