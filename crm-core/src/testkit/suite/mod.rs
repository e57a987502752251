//! The laws that every store keeps, room by room. Each law takes a [`super::World`] of its own and
//! fails by a panic.
//!
//! [`crate::testkit::suite!`] runs them all. Its argument names an async function without arguments
//! that opens a fresh and empty database and gives a [`super::Subject`]: a shared store, a shared
//! store beside a guard, or a type of the adapter's own that can open a second connection.
//!
//! `PROPTEST_CASES` sets how many filters are generated; 200 where it is absent. Each run generates
//! others, and other histories of deals: a law that fails says how to repeat it, `SLACKCRM_TEST_SEED=…`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "laws are tests: they fail by panicking"
)]
#![allow(missing_docs, reason = "a law's name says what it says")]

mod comparison;
mod corners;
mod in_store;
mod naive;
mod population;
mod support;
mod uploads;

pub mod activities;
pub mod analytics;
pub mod auth;
pub mod beside;
pub mod board;
pub mod bulk;
pub mod bulk_jobs;
pub mod commits;
pub mod conflicts;
pub mod cursors;
pub mod custom_fields;
pub mod deal_namesakes;
pub mod deals;
pub mod deliveries;
pub mod disabling;
pub mod endings;
pub mod endpoints;
pub mod exchange_rates;
pub mod exports;
pub mod figures;
pub mod filters;
pub mod forecasts;
pub mod guessing;
pub mod holding;
pub mod imports;
pub mod input;
pub mod instants;
pub mod jobs;
pub mod journal;
pub mod known_again;
pub mod lifecycle;
pub mod mail_log;
pub mod mails;
pub mod masks;
pub mod members;
pub mod namesakes;
pub mod odd_files;
pub mod orders;
pub mod pages;
pub mod people;
pub mod pipelines;
pub mod real_file;
pub mod relay;
pub mod reminders;
pub mod search;
pub mod series;
pub mod settling;
pub mod signup;
pub mod spools;
pub mod tags;
pub mod taken_up;
pub mod task_records;
pub mod tasks;
pub mod templates;
pub mod times;
pub mod transfers;
pub mod undo;
pub mod visibility;
pub mod walls;
pub mod watching;
pub mod ways;
pub mod webhooks;
pub mod workers;

/// Runs every law on the databases that the given async function opens: one `#[tokio::test]` a law,
/// in a module a room. The crate that calls it needs `tokio` with `macros` and `rt-multi-thread`.
#[macro_export]
#[doc(hidden)]
macro_rules! __suite {
    ($open:expr) => {
        $crate::__laws! { $open;
            activities {
                what_people_did_is_told_by_person_and_period,
                a_question_about_activities_is_narrowed,
                the_activities_of_a_team_are_those_of_its_members,
                what_was_done_in_a_window_is_what_was_done_on_its_days,
                activities_hold_what_the_caller_sees,
                every_activity_says_what_it_counts,
            }
            analytics {
                a_deals_way_is_written_with_it,
                a_way_goes_with_its_deal,
                facts_are_what_the_list_says,
                deals_that_come_go_and_come_back_are_conserved,
                the_figures_of_a_small_history_are_right,
                a_window_holds_its_days_and_is_compared_with_those_before,
                a_forecast_adds_up_by_category_month_and_owner,
                a_question_is_narrowed_by_its_conditions,
                a_bad_question_is_refused,
                a_move_forgets_what_was_said_of_the_stage_before,
                a_board_shows_the_deals_that_came_last,
            }
            auth {
                a_registration_makes_a_workspace_an_admin_and_signs_in,
                no_caller_sees_an_account_and_the_journal_keeps_it,
                a_known_address_registers_again_with_its_password_alone,
                two_registrations_of_one_address_make_one_account,
                a_bad_registration_names_the_field_and_writes_nothing,
                a_wrong_password_and_an_unknown_address_look_alike,
                several_workspaces_must_be_chosen_from,
                a_refresh_replaces_both_tokens,
                a_token_used_twice_ends_the_sign_in,
                of_two_refreshes_at_once_one_wins_and_the_sign_in_ends,
                a_logout_ends_the_sign_in_at_once,
                a_logout_elsewhere_holds_within_a_second,
                a_suspended_member_is_refused_within_a_second,
                whoever_is_not_known_is_nobody,
                a_role_that_sees_nobody_signs_in_and_out,
                a_refresh_that_cannot_be_answered_spends_no_token,
                a_refresh_token_names_its_holder_until_it_is_replaced_or_its_sign_in_ends,
                nobody_ends_the_sign_in_of_another,
                no_token_is_printed,
            }
            board {
                a_board_of_all_deals_is_what_they_add_up_to,
                a_board_of_some_deals_is_that_of_those_that_pass,
                a_board_takes_whatever_filter_a_list_takes,
                a_board_tells_nothing_of_what_is_hidden,
                a_board_holds_when_many_write_at_once,
            }
            beside {
                what_somebody_said_outlasts_every_estimate,
                every_deal_that_ended_says_when_and_is_in_the_figures,
                lists_beside_a_file_make_what_the_caller_may_make,
                an_import_makes_nobody_who_may_do_more_than_its_caller,
                products_that_a_file_names_become_choices,
                what_beside_a_file_cannot_be_read_is_told_and_makes_nothing,
                rows_that_cannot_be_are_refused_by_field_and_line,
                an_import_with_teams_begins_while_others_bring_people,
                companies_are_read_in_before_the_deals_by_one_job,
            }
            bulk {
                many_are_made_in_one_commit_and_one_batch,
                one_fault_refuses_an_atomic_request_whole,
                each_record_is_changed_in_its_own_way_at_its_version,
                a_record_named_twice_or_not_seen_is_at_fault,
                the_records_of_a_filter_are_changed_alike,
                ten_thousand_items_are_the_most,
                ten_thousand_items_may_point_to_as_many_records,
                records_out_of_reach_are_denied_one_by_one,
                tags_are_added_and_removed_whatever_their_spelling,
                a_repeated_bulk_request_answers_as_the_first_did,
                hidden_fields_cannot_be_set_in_bulk,
                bulk_work_that_meets_another_writer_is_decided_again,
                an_item_that_needs_a_tag_which_its_caller_may_not_make_is_at_fault_alone,
                a_repeat_is_answered_whatever_its_filter_describes_by_now,
            }
            bulk_jobs {
                more_than_a_commit_takes_is_done_by_a_job,
                bulk_work_is_undone_by_its_batch,
            }
            commits {
                a_commit_is_all_or_nothing,
                a_fault_names_nothing_that_its_commit_makes,
                thousands_of_every_kind_are_one_commit,
                of_two_writes_of_one_record_the_later_counts,
                a_pipeline_has_the_stages_that_were_written_last,
                saving_a_record_as_it_was_writes_nothing,
                a_repeat_answers_as_the_first_did,
                every_creation_can_be_repeated,
                a_repeat_is_masked_as_of_today,
                another_body_under_a_used_key_is_invalid,
                a_refused_request_does_not_use_its_key,
                two_at_once_under_one_key_create_one,
                equal_keys_of_two_callers_are_two_keys,
                a_key_is_forgotten_after_a_day,
                an_expired_key_is_used_anew_and_takes_no_other_along,
                two_who_use_one_expired_key_at_once_have_one_effect,
                keys_are_forgotten_from_their_instant_on_and_some_at_a_time,
                many_expired_keys_are_forgotten_in_one_pass,
                a_key_used_meanwhile_is_told_apart,
                unique_values_are_unique,
            }
            conflicts {
                a_deal_that_changed_meanwhile_is_a_conflict,
                a_stale_version_is_a_conflict,
                a_stale_version_shows_the_record_as_its_caller_sees_it,
                the_store_refuses_a_write_over_another_version,
                a_stale_reliance_is_a_conflict,
                settings_and_people_can_be_relied_on,
                tasks_rates_endpoints_and_templates_can_be_relied_on,
                a_stale_guard_is_a_conflict,
                two_admins_demoting_each_other_leave_one,
                a_thousand_concurrent_demotions_leave_an_admin,
                the_last_admin_stays_one,
                of_two_who_move_a_deal_one_wins,
                of_two_who_move_a_deal_from_where_they_saw_it_one_wins,
                a_change_that_expects_nothing_is_decided_again,
                a_version_is_refused_only_where_its_record_changed,
                nothing_is_linked_to_a_record_that_was_deleted_before,
                a_pipeline_that_changed_since_refuses_the_move,
            }
            cursors {
                an_edited_cursor_and_one_of_another_workspace_open_no_list_of_records,
                an_edited_cursor_and_one_of_another_workspace_open_no_other_list,
                a_cursor_of_another_filter_opens_no_list,
                a_replay_goes_on_by_its_own_cursor_alone,
            }
            custom_fields {
                every_kind_is_checked_kept_and_filtered,
                a_value_that_does_not_fit_is_refused_at_its_key,
                a_change_touches_only_the_keys_it_names,
                a_required_field_must_have_a_value,
                a_required_field_that_is_hidden_is_not_asked_for,
                a_field_that_is_hidden_is_neither_shown_nor_changed,
                a_field_shows_no_value_of_an_older_one_of_its_key,
                a_field_finds_what_an_older_one_of_its_key_left,
                a_retired_field_is_gone_and_the_others_stay,
                choices_can_be_changed_and_old_values_stay,
                definitions_hold_at_once_here_and_within_a_second_elsewhere,
                custom_values_are_not_searched_and_not_sorted,
                two_hundred_fields_are_enough,
                two_last_fields_defined_at_once_are_one,
                an_import_does_not_define_one_field_too_many,
            }
            deal_namesakes {
                a_deal_is_changed_and_its_namesake_stays,
                a_task_and_a_rate_are_changed_and_their_namesakes_stay,
                a_corrected_end_is_that_of_the_last_step_of_its_own_deal,
                the_way_of_an_erased_deal_goes_and_those_of_others_stay,
                boards_of_one_pipeline_id_are_each_workspaces_own,
                the_last_deals_of_a_stage_are_those_that_the_caller_sees_there,
                deals_of_stages_come_live_ones_first_then_by_id,
                a_stage_goes_from_its_own_pipeline_alone,
            }
            deals {
                the_board_is_what_the_list_adds_up_to,
                two_currencies_are_never_added,
                no_deal_is_worth_so_much_that_the_board_cannot_add_it_up,
                a_deal_begins_at_the_first_stage_of_the_default_pipeline,
                a_move_changes_stage_status_and_times_together,
                a_deal_ahead_of_the_clock_can_be_moved,
                a_deal_of_an_unknown_pipeline_is_invalid,
                a_new_pipeline_leaves_the_default_as_it_is,
            }
            deliveries {
                an_endpoint_that_hangs_leaves_places_to_others,
                a_delivery_whose_job_is_cancelled_says_so_until_it_is_taken_up,
                a_delivery_that_nothing_sends_any_more_is_ended_with_its_reason,
                a_delivery_whose_job_is_taken_up_waits_whoever_ends_it_at_once,
                a_job_that_sends_says_neither_where_to_nor_what_came_back,
                admins_get_one_mail_of_an_endpoint_that_is_disabled_because_of_its_answers,
                what_waits_in_a_paused_queue_is_sent_however_late,
                a_replay_under_one_key_happens_once,
                a_custom_field_that_an_endpoint_names_is_one_and_may_be_retired_later,
                what_was_sent_is_told_byte_for_byte_or_not_at_all,
            }
            endings {
                what_ended_is_the_same_from_sums_as_one_by_one,
                sums_by_stage_and_owner_hold_also_after_stages_were_given_up,
                what_no_sum_tells_apart_is_told_from_the_deals,
                a_deal_that_ends_a_month_is_of_the_next_where_that_has_begun,
                a_clock_that_is_put_back_at_midnight_moves_nothing_out_of_a_window,
                what_stands_behind_a_report_changes_no_figure,
            }
            disabling {
                an_endpoint_whose_address_was_mended_is_not_disabled_for_its_old_one,
                one_failure_long_after_another_disables_nothing,
                a_message_that_is_given_up_after_five_days_of_nothing_disables_its_endpoint,
            }
            endpoints {
                a_question_about_deliveries_means_its_endpoint_state_and_span,
                what_goes_before_a_delivery_is_of_its_record_and_not_sent_yet,
                old_deliveries_are_forgotten_up_to_an_instant_and_some_at_a_time,
                a_commit_keeps_more_deliveries_than_one_statement_takes,
                a_former_secret_holds_until_its_instant_and_no_longer,
                an_endpoint_that_changed_meanwhile_is_a_conflict,
                an_endpoint_that_is_enabled_again_has_failed_nobody,
                an_endpoint_at_another_address_has_failed_nobody,
                what_was_delivered_again_is_kept_as_it_is_now,
            }
            exchange_rates {
                a_pair_has_one_rate_a_day_in_either_direction,
                a_repeat_is_told_what_was_told_first,
                the_smallest_and_the_largest_rate_are_kept_exactly,
                what_is_no_rate_is_refused,
                pages_of_rates_add_up_to_the_list,
                a_rate_is_changed_and_deleted_at_its_version,
                two_who_set_one_rate_at_once_leave_one,
                rates_are_set_by_whoever_may_and_stay_within_the_wall,
                the_rates_of_some_days_are_those_that_hold_on_them,
                sums_are_told_by_the_rates_of_their_days_and_never_mixed,
                what_has_no_rate_is_told_also_where_nothing_has_one,
                whoever_sees_no_values_or_no_rates_is_told_no_converted_sum,
                facts_need_no_rate_where_all_have_one_currency,
            }
            exports {
                a_job_writes_the_file_that_is_sent_at_once,
                an_export_that_was_stopped_comes_to_the_same_file,
                an_export_holds_the_list_as_it_is_walked_through,
                the_times_of_an_export_are_told_from_when_it_was_asked_for,
                a_cancelled_export_leaves_no_piece_behind,
                an_export_that_is_cancelled_while_it_runs_leaves_no_piece_behind,
                an_exports_file_is_its_makers_alone,
                an_exports_file_is_refused_to_whoever_may_read_less_than_it_holds,
                whoever_reads_no_companies_or_contacts_exports_no_names_of_them,
                the_file_of_an_export_that_has_ended_is_forgotten_on_demand,
                an_export_goes_on_as_far_as_its_maker_may,
                a_bad_list_is_refused_before_there_is_a_job,
                one_key_begins_one_export,
                an_exports_file_is_forgotten_after_a_week,
                a_file_is_kept_whole_as_long_as_pieces_of_it_come,
            }
            figures {
                figures_hold_what_the_caller_sees,
                amounts_of_two_currencies_are_never_added,
                hidden_values_hide_amounts,
                revenue_is_what_sales_say_cut_in_other_ways,
                every_number_of_a_stage_says_what_it_counts,
                the_days_before_say_what_a_report_about_them_says,
                ids_behind_a_figure_go_on_after_one_of_them,
                a_hidden_source_is_told_in_no_figure,
                a_dashboard_says_what_its_reports_say,
                the_funnel_counts_the_contacts_that_the_caller_sees,
            }
            forecasts {
                a_forecast_from_sums_is_that_of_the_deals_one_by_one,
                what_stands_behind_a_forecast_changes_no_figure,
            }
            filters {
                a_list_is_what_its_filter_says,
                a_list_is_what_its_filter_says_within_a_narrow_view,
                every_operator_is_right_on_every_field_and_under_not,
                what_was_written_is_what_is_read,
                a_filter_on_nothing_that_exists_is_invalid,
                an_empty_list_of_values_matches_nothing,
            }
            guessing {
                guessing_is_slowed_down_and_the_owner_gets_in_again,
                an_address_cannot_try_every_account,
                an_address_that_had_its_share_locks_nobody_out,
                a_password_that_no_account_can_have_is_wrong,
                attempts_at_once_are_all_counted,
                an_address_cannot_refresh_without_end,
                a_sign_in_cannot_be_refreshed_without_end,
                whoever_holds_no_token_locks_no_sign_in_out,
                every_attempt_says_what_is_left,
                a_password_is_hashed_anew_only_where_it_is_still_the_same,
            }
            holding {
                a_worker_holds_its_job_by_its_claim_whatever_its_version,
                of_two_takes_of_a_job_the_later_alone_is_heard,
                of_jobs_that_are_settled_together_those_that_were_lost_stay_as_they_are,
                faults_of_a_concealed_job_quote_nothing,
                jobs_that_are_enqueued_once_are_enqueued_once,
                a_wish_names_a_job_that_is_there,
                unique_keys_that_hold_no_more_are_forgotten_some_at_a_time,
                pruning_gives_way_to_a_stop,
                what_a_worker_takes_is_what_the_store_holds,
                what_a_worker_says_is_what_the_store_keeps,
                no_worker_is_given_more_than_it_asks_for,
                jobs_that_wait_equally_long_go_in_the_order_of_their_making,
                a_paused_queue_keeps_what_a_dead_worker_left,
                what_is_ahead_is_what_is_due_first_in_these_queues,
                a_queue_counts_what_ended_in_the_last_day,
                of_jobs_that_nobody_holds_any_more_the_one_lost_first_goes_first,
                a_job_that_nobody_holds_any_more_takes_one_place,
                a_worker_that_holds_one_job_holds_no_other,
            }
            imports {
                an_imports_place_is_kept_and_guarded_by_its_version,
                refused_rows_come_back_in_the_order_of_their_lines,
                an_import_is_seen_as_far_as_the_scope_reaches,
                imports_are_listed_the_latest_first_as_far_as_the_scope_reaches,
                a_row_is_known_by_each_of_its_keys,
                a_purged_record_is_known_by_no_row,
                of_many_records_with_one_key_the_oldest_that_the_caller_sees_is_known,
                the_same_fingerprint_can_be_kept_twice,
                ten_thousand_rows_are_one_commit,
            }
            input {
                unclean_text_is_refused_at_its_field,
                over_long_text_is_refused_at_its_field,
                every_fault_is_told_at_once,
                an_empty_record_is_refused,
                numbers_at_their_borders_are_kept_or_refused,
                hostile_questions_are_answered_or_refused_but_break_nothing,
                a_bad_definition_is_refused,
            }
            instants {
                a_job_is_due_and_its_lease_ends_at_the_instant,
                jobs_that_ended_count_for_a_day_and_are_forgotten_at_the_instant,
                a_unique_key_holds_until_its_instant,
                a_job_that_ended_frees_no_key_that_another_holds,
                files_and_mails_are_forgotten_up_to_an_instant,
                whoever_waits_hears_of_a_job_that_became_due,
            }
            jobs {
                a_spooled_file_is_read_from_any_place,
                a_job_imports_what_was_sent,
                of_many_workers_one_takes_a_job,
                a_cancelled_job_does_nothing_until_it_is_taken_up_again,
                a_job_whose_worker_died_is_taken_again_when_its_lease_ends,
                a_job_whose_workers_keep_dying_fails,
                a_job_is_given_back_when_its_process_ends,
                a_job_acts_with_the_permissions_of_whoever_wanted_it,
                a_job_is_seen_by_whoever_wanted_it_and_their_managers,
                one_key_begins_one_import,
                one_key_stops_and_takes_up_a_job_once,
                a_job_that_is_named_is_done_and_no_other,
                a_job_that_panics_is_tried_again_with_its_reason_and_its_worker_goes_on,
                a_job_that_is_cancelled_while_it_runs_stops_at_its_next_step,
                what_came_of_a_job_tells_nothing_that_its_reader_does_not_see,
                a_list_of_jobs_leaves_out_what_came_of_them,
                permissions_that_end_during_an_import_hold_from_its_next_chunk_on,
            }
            journal {
                the_images_of_a_record_add_up_to_it_at_every_version,
                the_history_of_a_record_leaves_out_what_wrote_nothing,
                the_feed_is_dense_and_in_the_order_of_versions,
                sealing_goes_on_in_steps_of_the_asked_size,
                a_workspace_waits_for_its_seal_as_long_as_entries_do,
                a_workspace_is_sealed_whatever_waits_in_another,
                the_feed_loses_nothing_while_writers_and_sealers_race,
                numbers_and_texts_of_every_shape_keep_the_chain,
                a_purge_erases_content_and_leaves_the_chain_whole,
                a_purge_erases_the_history_of_notes_on_the_record_too,
                an_entry_says_who_did_what_and_when,
                facts_and_batches_are_kept_with_the_change,
                the_timeline_is_the_records_history_and_that_of_its_notes,
            }
            known_again {
                two_imports_of_one_file_at_once_leave_each_row_once,
                several_imports_at_once_all_come_to_their_end,
                an_owner_is_whoever_began_the_import_though_another_goes_on,
                a_weaker_key_leads_to_records_without_a_stronger_one,
                two_rows_with_different_ids_are_two_records_in_a_preview_too,
                a_link_by_id_leads_to_no_record_of_another_id,
                a_row_without_a_key_is_known_again_whatever_fields_there_are,
                an_edited_export_changes_the_records_it_came_from,
                what_the_caller_does_not_see_is_not_known_by_its_id,
            }
            lifecycle {
                a_deleted_record_is_absent_everywhere,
                a_restored_record_is_as_it_was,
                every_kind_can_be_deleted_restored_and_purged,
                a_deleted_note_can_be_restored_and_purged,
                a_purge_and_a_note_at_once_do_not_fail_each_other,
                a_purged_record_leaves_no_trace_on_others,
                an_edit_that_a_purge_overtook_is_decided_again,
                a_record_that_was_restored_meanwhile_is_not_purged,
            }
            mail_log {
                a_mail_whose_job_is_stopped_says_so_until_it_is_taken_up,
                a_sender_hears_of_their_mail_from_the_log_and_not_from_its_job,
                an_attempt_that_was_under_way_tells_how_it_ended,
                a_mail_whose_workers_all_died_has_failed,
                pages_of_the_log_add_up_and_are_narrowed,
                whoever_sends_sees_what_became_of_their_own,
            }
            mails {
                a_mail_waits_with_its_job_and_goes_out_once,
                a_mail_that_is_put_off_goes_out_later_under_the_same_id,
                a_mail_that_is_refused_fails_at_once_and_can_be_taken_up,
                the_last_attempt_is_told_as_a_failure,
                what_a_mail_says_is_not_told_by_its_job,
                whoever_is_suppressed_gets_nothing,
                an_address_is_suppressed_in_both_ways_to_write_its_domain,
                suppressing_twice_leaves_the_first_reason,
                pages_of_suppressions_add_up_to_the_list,
                only_a_mail_to_one_lets_them_unsubscribe,
                what_opens_an_account_offers_no_end_of_mails,
                whoever_unsubscribed_still_gets_what_opens_an_account,
                a_template_of_the_workspace_stands_in_for_the_products,
                two_who_make_one_template_at_once_leave_one,
                a_template_says_who_it_is_to_and_from_as_far_as_the_caller_sees,
                what_is_wrong_with_a_mail_is_refused_before_it_is_queued,
                who_may_change_contacts_sends_and_managers_set_templates,
                a_mail_under_a_key_is_enqueued_once,
                a_mail_goes_along_with_a_change_or_not_at_all,
                without_a_mailer_nothing_is_sent,
                what_became_of_old_mails_is_forgotten,
            }
            masks {
                every_hideable_field_can_be_hidden,
                a_hidden_field_is_absent_from_every_answer,
                a_hidden_field_answers_no_question,
                a_hidden_field_cannot_be_written,
                a_write_tells_nothing_of_a_hidden_value,
                a_hidden_custom_field_is_written_as_if_it_were_not_there,
                clearing_all_custom_values_clears_what_the_caller_sees,
                a_rule_that_would_not_do_what_it_says_is_refused,
                a_replacement_keeps_what_the_caller_cannot_see,
                hidden_values_hide_the_boards_totals,
                whoever_does_not_see_values_makes_deals_without,
                a_rule_holds_at_once_here_and_within_a_second_elsewhere,
            }
            members {
                a_profile_is_changed_and_replaced,
                everybody_changes_their_own_profile_and_no_other,
                the_address_of_an_account_stays,
                whoever_was_made_known_does_not_come_in_by_their_address,
                whoever_is_suspended_is_signed_out_for_good,
                a_sign_in_that_was_under_way_at_a_suspension_never_holds,
                the_end_of_ones_sign_ins_ends_nobody_elses,
                a_suspension_that_is_refused_ends_no_sign_in,
                a_deleted_member_is_out_and_what_is_theirs_stays,
                nobody_suspends_or_deletes_themselves,
                admins_are_made_changed_and_removed_by_admins_alone,
                nobody_but_an_admin_changes_their_own_role_or_gives_one_that_may_do_more,
                two_admins_who_remove_each_other_leave_one,
                a_member_was_seen_at_the_last_sign_in_or_refresh,
                whoever_has_no_account_is_invited_again,
                a_role_that_may_remove_members_needs_to_see_them,
            }
            namesakes {
                a_worker_ends_the_job_that_it_holds_and_no_namesake,
                a_lease_that_is_prolonged_is_no_namesakes,
                whoever_stops_or_forgets_a_job_leaves_its_namesake,
                a_cursor_is_its_handlers_and_its_workspaces_own,
                a_sent_file_is_its_workspaces_own,
                a_template_and_a_suppression_are_their_workspaces_own,
                what_became_of_a_mail_is_told_in_its_workspace,
                what_is_sent_to_an_endpoint_is_its_workspaces_own,
            }
            odd_files {
                a_preview_of_the_first_rows_says_where_it_ends,
                a_deal_may_close_on_the_day_it_opened,
                a_corrected_close_is_when_the_stage_was_entered,
                files_that_follow_one_another_date_the_moves_of_a_deal,
                a_status_ends_a_deal_whose_stage_does_not,
                the_encoding_is_that_of_most_of_the_file,
                refused_rows_sent_back_as_they_are_are_refused_again,
                what_is_added_to_a_file_meanwhile_is_not_imported,
                a_tag_with_a_comma_comes_back_as_one,
                a_cell_of_a_megabyte_costs_its_row_and_no_other,
            }
            orders {
                facts_and_ways_come_in_the_order_of_ids,
                work_comes_in_the_order_of_ids,
            }
            pages {
                pages_of_any_size_add_up_to_the_list,
                pages_of_a_filter_that_most_rows_pass_are_the_list_without_the_others,
                pages_neither_skip_nor_repeat_while_rows_come_and_go,
                rows_without_a_value_come_last_in_both_directions,
                the_latest_comes_first_where_no_order_is_asked_for,
                a_cursor_opens_its_own_list_alone,
                a_forged_cursor_is_invalid,
                a_page_of_no_or_too_many_rows_is_invalid,
                a_total_counts_all_pages,
                tags_beside_a_filter_leave_its_places_and_depth_alone,
            }
            people {
                a_new_person_is_invited_and_known_to_lists,
                members_are_counted_as_their_list_says,
                people_are_found_by_name_and_address_whatever_the_case,
                members_are_found_by_id_by_whoever_sees_them,
                a_role_is_changed_once_and_told,
                whoever_may_not_change_people_is_told_nothing_of_them,
                a_team_has_members_of_its_own_workspace,
                a_team_is_renamed_replaced_and_deleted,
                settings_are_changed_and_kept,
                the_matrix_is_told_and_replaced_as_a_whole,
                a_record_without_an_owner_belongs_to_its_maker,
            }
            settling {
                what_a_worker_says_of_a_job_that_it_lost_is_not_heard,
                a_version_that_a_worker_names_must_be_there,
                a_result_is_as_long_as_a_payload_may_be_and_no_longer,
                a_list_of_jobs_in_a_state_holds_no_others,
                a_pause_is_its_queues_and_its_workspaces_own,
                latencies_are_those_of_the_thousand_jobs_that_were_done_last,
                jobs_that_failed_count_whenever_they_did,
            }
            signup {
                a_closed_door_lets_the_first_in_and_nobody_after,
                of_two_who_come_first_at_once_one_is_let_in,
                where_the_door_is_closed_no_password_is_looked_at,
                a_workspace_without_accounts_leaves_the_door_as_it_is,
            }
            spools {
                what_a_broken_upload_left_behind_is_forgotten_after_an_hour,
                a_file_is_kept_while_the_one_beside_it_comes,
                a_file_that_a_job_names_is_kept_for_a_week,
                a_file_that_a_job_begins_with_is_kept_anew,
                of_many_files_those_that_jobs_name_are_kept,
            }
            pipelines {
                a_pipeline_becomes_what_its_change_says,
                deals_of_a_stage_that_is_left_out_go_where_the_change_says,
                a_stage_in_use_needs_a_target,
                a_target_is_a_stage_of_the_pipeline_that_stays,
                of_two_editors_of_a_pipeline_one_hears_of_the_other,
                a_pipeline_of_another_workspace_is_not_there,
                who_may_not_change_deals_takes_none_along,
                a_pipeline_that_is_empty_can_be_deleted,
                a_commit_leaves_no_deal_in_a_stage_that_is_given_up,
                deals_made_while_their_stage_goes_are_in_one_that_is_there,
            }
            real_file {
                a_teams_history_goes_in_with_the_files_beside_it,
                the_figures_of_the_history_are_those_of_the_file,
                importing_the_history_again_changes_nothing,
            }
            relay {
                each_event_is_handed_over_once_by_many_relays_at_once,
                events_stay_in_their_workspace,
                a_handler_that_is_new_gets_no_history,
                a_workspace_that_is_made_later_is_handed_over_from_its_first_event_on,
                many_who_begin_a_handler_at_once_hand_over_nothing_of_before,
                a_change_that_is_refused_hands_nothing_over,
                what_a_handler_cannot_take_is_handed_over_later,
                a_handler_that_never_returns_is_given_up_and_stops_nobody_else,
                a_handler_that_is_slow_is_handed_fewer_until_it_is_in_time,
                a_cursor_that_was_moved_meanwhile_moves_nothing_and_enqueues_nothing,
            }
            reminders {
                a_reminder_comes_at_its_instant_on_the_clock_of_whoever_is_to_do_it,
                a_reminder_is_a_fact_of_the_task_and_no_change_of_it,
                nobody_is_reminded_of_what_is_moved_done_or_deleted,
                a_change_that_keeps_the_instant_keeps_the_reminder,
                a_reminder_follows_whoever_moves_to_another_zone,
                a_reminder_is_told_once_whoever_dies_over_it,
                a_reminder_stays_in_its_workspace,
                whoever_is_reminded_gets_one_mail,
                a_title_that_no_subject_holds_is_cut_in_the_mail,
                no_mail_goes_to_whoever_is_not_to_be_reminded,
                no_mail_tells_of_a_task_that_whoever_is_to_do_it_may_not_read,
                a_template_that_does_not_fit_keeps_nobody_from_being_reminded,
                a_process_without_mail_leaves_it_to_one_that_sends,
                without_a_mailer_reminders_are_facts_alone,
            }
            search {
                the_exact_comes_before_what_begins_so_and_that_before_the_rest,
                an_address_and_a_domain_are_exact,
                a_search_ends_at_the_wall_and_at_what_is_deleted,
                what_the_caller_does_not_see_is_not_found_and_takes_no_place,
                what_is_deleted_takes_no_place,
                a_search_finds_no_namesake_of_another_workspace,
                a_name_is_found_however_many_others_have_its_words,
                several_words_find_what_has_them_all_whichever_is_rare,
                a_word_finds_those_that_have_it_as_long_as_they_do,
                a_word_finds_what_it_begins_however_many_words_that_are,
                a_hidden_field_finds_nothing_and_is_not_shown,
                kinds_that_may_not_be_read_are_left_out_or_refused,
                a_bad_search_is_refused,
            }
            series {
                of_two_who_complete_a_task_at_once_one_makes_the_next,
                an_undone_completion_makes_no_second_next,
                the_next_of_a_series_is_like_the_one_that_is_done,
                a_series_ends_when_its_rule_says_so,
                a_series_keeps_its_time_on_the_clock_of_whoever_is_to_do_it,
                what_is_over_is_left_out_of_a_series,
                a_rule_that_a_task_does_not_follow_is_refused_at_its_field,
                a_rule_that_comes_true_in_the_zone_of_whoever_follows_it_is_taken,
                many_tasks_are_done_as_one_is,
                a_series_goes_on_under_the_eyes_of_those_who_see_it,
            }
            taken_up {
                a_job_of_a_kind_that_this_version_does_not_know_waits_for_one_that_does,
                a_paused_queue_is_paused_for_whoever_names_a_job,
                a_job_that_was_cancelled_while_it_ran_waits_until_its_worker_has_heard_of_it,
                failed_jobs_are_taken_up_as_far_as_the_permission_reaches,
                a_job_is_not_taken_up_while_another_holds_its_key_for_a_time,
                failed_jobs_are_taken_up_once_under_a_key,
                a_queue_is_paused_and_goes_on_once_under_a_key,
                whoever_pauses_a_queue_at_once_hears_of_one_pause,
            }
            tags {
                a_tag_is_one_whatever_its_case,
                a_tag_is_written_over_the_version_that_was_read,
                tags_count_records_of_every_kind_that_live,
                tags_count_only_what_the_caller_sees,
                two_who_make_one_tag_at_once_share_it,
                whoever_may_not_make_tags_uses_those_there_are,
                a_list_by_tags_holds_what_all_of_its_conditions_say,
                what_is_wrong_with_a_list_by_tags_is_told_at_its_place,
            }
            task_records {
                a_record_tells_of_its_tasks_to_whoever_sees_them,
                tasks_are_found_by_their_words,
                tasks_and_what_they_are_about_lead_to_one_another,
                tasks_are_changed_in_bulk,
                a_task_can_be_deleted_restored_and_purged,
                a_purge_takes_the_tasks_on_its_record,
                tasks_come_from_files_of_other_programs,
                a_task_is_about_the_closest_record_that_is_there,
                an_exported_task_comes_back_as_it_was,
                an_import_of_tasks_is_undone,
            }
            tasks {
                a_task_is_the_callers_unless_another_is_named,
                a_task_is_done_and_open_again_and_says_so,
                the_open_tasks_are_overdue_upcoming_later_or_undated,
                a_day_is_over_when_it_is_over_for_whoever_asks,
                a_day_is_upcoming_as_soon_as_it_begins_for_whoever_asks,
                a_calendar_shows_each_day_of_the_zone_with_what_is_due,
                the_tasks_of_a_caller_are_open_and_theirs,
                tasks_are_seen_as_far_as_the_scope_reaches,
                a_task_is_about_a_record_that_its_caller_sees,
                every_fault_of_a_task_is_told,
                a_replacement_keeps_assignee_and_status,
            }
            templates {
                a_template_that_changes_leaves_the_others,
                an_address_is_suppressed_once_under_a_key,
                an_address_is_suppressed_exactly_when_its_key_is_kept,
                an_address_that_is_suppressed_or_not_is_no_others,
            }
            times {
                a_day_of_23_hours_is_one_day,
                a_day_of_25_hours_is_one_day,
                a_midnight_that_never_was_begins_after_the_gap,
                periods_are_cut_in_the_workspaces_zone,
                a_members_own_zone_comes_before_the_workspaces,
                instants_keep_their_microseconds_from_year_1_to_9999,
            }
            transfers {
                the_board_holds_what_the_file_says,
                deals_keep_the_times_of_the_file,
                a_close_that_a_later_row_corrects_is_corrected_in_the_deals_way,
                a_row_that_names_another_pipeline_leaves_its_deal_where_it_is,
                a_second_import_changes_nothing,
                a_stopped_import_goes_on_to_the_same_end,
                two_runners_of_one_import_do_not_disturb_each_other,
                another_file_is_refused,
                bad_rows_are_named_by_field_and_line,
                a_refused_row_leaves_nothing_behind,
                a_file_without_a_header_is_refused,
                a_preview_writes_nothing_and_is_right,
                every_encoding_and_delimiter_reads_alike,
                columns_fill_what_the_caller_says,
                custom_values_are_read_by_their_kinds,
                nothing_is_made_that_shall_not_be,
                an_update_changes_what_the_file_says_and_no_more,
                what_a_caller_may_not_do_an_import_does_not,
                an_export_can_be_imported_as_it_is,
                what_forecasts_need_goes_in_and_comes_out,
                an_export_is_the_whole_list_as_the_caller_sees_it,
            }
            undo {
                an_import_is_undone_field_by_field,
                a_made_record_on_which_others_hung_something_is_left_alone,
                what_a_record_that_was_changed_since_refers_to_is_left_alone,
                only_whoever_may_change_an_import_undoes_it,
                what_a_caller_may_not_see_is_left_alone_and_not_named,
                an_undo_by_whoever_may_change_nothing_leaves_everything_alone,
                an_undo_leaves_no_contact_without_a_name,
                a_deal_goes_back_to_its_stage_whole_or_not_at_all,
                an_undo_that_is_stopped_goes_on_and_counts_each_record_once,
                a_record_of_more_entries_than_a_page_goes_all_the_way_back,
                an_import_under_way_is_not_undone,
                what_an_import_made_beside_its_records_stays_for_those_that_come_back,
            }
            visibility {
                contacts_are_seen_as_far_as_the_scope_reaches,
                companies_are_seen_as_far_as_the_scope_reaches,
                deals_are_seen_as_far_as_the_scope_reaches,
                deleted_and_imported_records_are_walled_too,
                a_relation_leads_only_to_what_the_caller_sees,
                a_relation_to_what_the_caller_may_not_read_is_refused,
                a_note_is_seen_by_whoever_sees_its_record,
                what_is_seen_but_out_of_reach_is_denied,
                a_note_is_found_from_its_record_by_whoever_sees_that,
                nobody_acts_on_what_they_may_not_see,
                nobody_gives_away_what_they_may_not,
                only_those_with_the_permission_change_settings_and_people,
                admins_alone_say_what_roles_may_do,
                an_export_reaches_no_further_than_its_permission,
                whoever_joins_a_team_sees_what_it_sees,
                the_timeline_leaves_out_what_the_caller_may_not_read,
                boards_and_totals_hold_what_the_caller_sees,
                an_unknown_id_and_an_invisible_one_look_alike,
            }
            walls {
                another_workspaces_contacts_are_not_found,
                another_workspaces_companies_are_not_found,
                another_workspaces_tasks_are_not_found,
                another_workspaces_deals_and_pipelines_are_not_found,
                another_workspaces_people_notes_and_fields_are_not_found,
                lists_counts_and_totals_end_at_the_wall,
                no_field_can_point_over_the_wall,
                no_custom_value_can_point_over_the_wall,
                the_store_refuses_rows_that_point_over_the_wall,
                a_row_of_another_workspace_is_not_written,
                no_port_reads_over_the_wall,
                keys_guards_and_unique_values_are_each_workspaces_own,
                each_workspace_has_a_journal_of_its_own,
            }
            watching {
                the_feed_has_no_gap_and_ends_where_it_says,
                a_feed_that_cannot_look_a_record_up_says_so,
                each_member_is_told_of_the_records_that_they_can_read,
                an_event_says_what_happened_by_the_name_of_the_fact,
                whoever_loses_sight_of_a_record_is_told_so_once_and_nothing_of_it,
                hidden_fields_are_in_no_event,
                a_note_is_told_to_those_who_see_what_it_is_on,
                an_owner_is_told_of_the_end_of_a_record_and_all_who_see_everything_of_its_erasure,
                of_what_is_gone_nothing_is_told_but_that_something_happened,
                a_custom_field_that_is_hidden_is_described_in_no_event,
                who_signs_in_and_out_is_told_to_nobody,
                nobody_is_told_of_which_account_a_member_is,
                rights_that_changed_elsewhere_hold_from_the_moment_the_feed_tells_of_them,
                a_change_of_one_members_rights_concerns_that_member_alone,
                a_role_that_changed_elsewhere_holds_from_the_moment_the_feed_tells_of_it,
            }
            ways {
                a_corrected_opening_moves_the_step_with_which_a_deal_began,
                an_opening_after_the_next_step_is_put_right_again,
                no_deal_ends_before_work_on_it_began,
                an_opening_that_a_later_row_corrects_is_corrected_in_the_deals_way,
                an_import_that_is_undone_is_as_if_it_had_moved_nothing,
                ways_lead_to_the_deals_whatever_is_undone,
            }
            webhooks {
                an_endpoint_is_sent_what_it_asked_for_from_its_making_on,
                a_field_filter_lets_through_what_changes_a_field,
                a_rotated_secret_signs_beside_the_former_one_for_a_while,
                three_secrets_sign_at_most_and_one_more_ends_the_oldest,
                no_secret_is_told_twice_or_kept_in_the_journal,
                only_those_with_the_permission_have_to_do_with_endpoints,
                what_is_no_endpoint_is_refused,
                what_is_not_taken_is_sent_again_later_each_time_and_then_given_up,
                an_endpoint_that_asks_for_patience_is_given_it,
                an_endpoint_that_is_gone_or_fails_for_days_is_disabled_and_that_is_told,
                a_replay_sends_the_same_message_again,
                deliveries_of_one_record_are_sent_one_after_another,
                a_test_is_sent_once_and_its_job_says_what_came_of_it,
                what_was_erased_meanwhile_is_told_to_nobody,
                old_deliveries_are_forgotten,
            }
            workers {
                of_many_workers_each_job_goes_to_one,
                a_job_is_there_exactly_when_its_change_is,
                many_jobs_are_enqueued_at_once_or_none,
                one_unique_key_is_one_job,
                urgent_jobs_go_first_and_then_those_that_wait_longest,
                a_job_waits_for_its_time,
                a_paused_queue_gives_nothing_until_it_goes_on,
                a_job_that_stumbles_waits_longer_each_time_and_fails_with_its_history,
                a_fault_that_nothing_mends_is_not_tried_again,
                patience_that_somebody_asks_for_costs_no_attempt_and_no_history,
                each_way_to_go_wrong_ends_with_its_reason_and_neighbours_go_on,
                a_lease_that_ends_gives_the_job_to_another_worker,
                a_worker_hears_that_its_job_was_cancelled,
                a_payload_is_seen_by_whoever_sees_all_jobs_unless_it_is_concealed,
                a_queue_tells_what_it_holds_and_how_long_it_takes,
                jobs_that_ended_long_ago_are_forgotten,
                an_id_of_ones_own_is_a_jobs_and_nobody_elses,
            }
        }
    };
}

/// The tests of [`__suite`].
#[macro_export]
#[doc(hidden)]
macro_rules! __laws {
    ($open:expr; $($room:ident { $($law:ident),* $(,)? })*) => {$(
        mod $room {
            #[allow(unused_imports, reason = "what opens the database may live here")]
            use super::*;

            fn spawn(
                task: ::std::pin::Pin<::std::boxed::Box<dyn ::std::future::Future<Output = ()> + Send>>,
            ) -> ::std::pin::Pin<::std::boxed::Box<dyn ::std::future::Future<Output = ()> + Send>> {
                let task = ::tokio::spawn(task);
                ::std::boxed::Box::pin(async move {
                    if let Err(error) = task.await {
                        ::std::panic::resume_unwind(error.into_panic());
                    }
                })
            }

            $(
                #[::tokio::test(flavor = "multi_thread")]
                async fn $law() {
                    let open = $open;
                    let Some(subject) = $crate::testkit::Opened::subject(open().await) else { return };
                    let world = $crate::testkit::World::new(subject).await.spawning(spawn);
                    $crate::testkit::suite::$room::$law(world).await;
                }
            )*
        }
    )*};
}
