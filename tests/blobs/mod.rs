//! The port of the bytes: one suite that tests each sentence of its documentation on both stores, and what only one has.

mod local;
mod s3;
pub(crate) mod server;
pub(crate) mod stores;
mod suite;

/// Makes a test on each store of every sentence in `suite`.
macro_rules! conformance {
    ($($sentence:ident),* $(,)?) => {
        mod on_local {
            $(#[tokio::test]
            async fn $sentence() {
                super::stores::on_local(super::suite::$sentence).await;
            })*
        }
        mod on_s3 {
            $(#[tokio::test]
            async fn $sentence() {
                super::stores::on_s3(super::suite::$sentence).await;
            })*
        }
    };
}

conformance! {
    what_is_put_is_what_is_got,
    size_and_digest_are_those_of_the_body,
    nothing_is_visible_before_the_end,
    a_body_is_held_to_its_length,
    a_body_over_the_limit_is_refused_at_once,
    an_error_of_the_body_is_unchanged_and_leaves_nothing,
    a_dropped_upload_leaves_nothing,
    an_upload_dropped_at_any_time_leaves_nothing,
    an_object_is_replaced_at_once,
    many_uploads_at_once_keep_apart,
    stalled_clients_do_not_block_others,
    ranges_are_half_open,
    a_range_past_the_end_is_invalid,
    an_empty_range_gives_an_empty_stream,
    a_missing_object_is_not_found,
    a_download_outlives_the_handle,
    deleting_is_idempotent,
    discarding_removes_objects_and_partial_uploads,
    lists_are_in_order_and_paged,
    what_is_no_key_is_neither_listed_nor_touched,
    a_store_in_order_passes_its_check,
}
