// @generated automatically by Diesel CLI.

diesel::table! {
    access_epoch (single) {
        single -> BigInt,
        epoch -> BigInt,
    }
}

diesel::table! {
    aliases (model_id, name) {
        model_id -> BigInt,
        name -> Text,
        version_id -> BigInt,
    }
}

diesel::table! {
    api_tokens (id) {
        id -> BigInt,
        public_id -> Text,
        hash -> Text,
        principal_id -> BigInt,
        name -> Text,
        permissions -> Text,
        workspaces -> Nullable<Text>,
        roots -> Nullable<Text>,
        created_at -> BigInt,
        created_by -> Nullable<BigInt>,
        expires_at -> BigInt,
        revoked_at -> Nullable<BigInt>,
        last_used_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    approvals (version_id) {
        version_id -> BigInt,
        state -> Text,
        at -> BigInt,
        actor -> Text,
        actor_id -> Nullable<BigInt>,
        note -> Nullable<Text>,
    }
}

diesel::table! {
    assessments (assessment_id) {
        assessment_id -> Text,
        trace_id -> Text,
        kind -> Text,
        name -> Text,
        valid -> Bool,
        overrides -> Nullable<Text>,
        text -> Text,
        number -> Nullable<Double>,
        created_at -> BigInt,
        updated_at -> BigInt,
        document -> Text,
        id -> Text,
        value -> Nullable<Text>,
        measure -> Nullable<Double>,
    }
}

diesel::table! {
    audit (id) {
        id -> BigInt,
        at -> BigInt,
        ended_at -> BigInt,
        action -> Text,
        outcome -> Text,
        principal_id -> Nullable<BigInt>,
        token_id -> Nullable<BigInt>,
        workspace_id -> Nullable<BigInt>,
        root_id -> Nullable<BigInt>,
        node_id -> Nullable<BigInt>,
        path -> Nullable<Text>,
        blob_id -> Nullable<BigInt>,
        bytes -> Nullable<BigInt>,
        requests -> BigInt,
        door -> Nullable<Text>,
        request_id -> Nullable<Text>,
        peer -> Nullable<Text>,
        agent -> Nullable<Text>,
        details -> Nullable<Text>,
    }
}

diesel::table! {
    audit_upkeep (single) {
        single -> BigInt,
    }
}

diesel::table! {
    bindings (id) {
        id -> BigInt,
        subject_kind -> Text,
        principal_id -> Nullable<BigInt>,
        group_issuer -> Nullable<Text>,
        group_name -> Nullable<Text>,
        role -> Text,
        scope_kind -> Text,
        workspace_id -> Nullable<BigInt>,
        root_id -> Nullable<BigInt>,
        created_at -> BigInt,
        created_by -> Nullable<BigInt>,
        expires_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    blobs (id) {
        id -> BigInt,
        sha256 -> Text,
        size -> BigInt,
        key -> Text,
        created_at -> BigInt,
        verified_at -> Nullable<BigInt>,
        damage -> Nullable<Text>,
    }
}

diesel::table! {
    changes (id) {
        id -> BigInt,
        position -> Nullable<BigInt>,
        at -> BigInt,
        actor -> Text,
        action -> Text,
        node_id -> BigInt,
        revision -> BigInt,
        document -> Text,
        request_id -> Nullable<Text>,
        client_request_id -> Nullable<Text>,
        workspace_id -> BigInt,
        root_id -> Nullable<BigInt>,
        actor_id -> Nullable<BigInt>,
    }
}

diesel::table! {
    eval_dataset_experiments (dataset_id, experiment_id) {
        dataset_id -> Text,
        experiment_id -> BigInt,
    }
}

diesel::table! {
    eval_dataset_records (record_id) {
        record_id -> Text,
        dataset_id -> Text,
        input_digest -> Text,
        created_at -> BigInt,
        updated_at -> BigInt,
        document -> Text,
    }
}

diesel::table! {
    eval_dataset_tags (dataset_id, name) {
        dataset_id -> Text,
        name -> Text,
        value -> Text,
    }
}

diesel::table! {
    eval_datasets (dataset_id) {
        dataset_id -> Text,
        experiment_id -> BigInt,
        name -> Text,
        fields -> Nullable<Text>,
        created_at -> BigInt,
        updated_at -> BigInt,
        created_by -> Nullable<Text>,
        updated_by -> Nullable<Text>,
    }
}

diesel::table! {
    events (id) {
        id -> BigInt,
        artifact_id -> BigInt,
        execution_id -> BigInt,
        #[sql_name = "type"]
        type_ -> BigInt,
        at -> BigInt,
        path -> Nullable<Text>,
    }
}

diesel::table! {
    files (node_id, path) {
        node_id -> BigInt,
        path -> Text,
        blob_id -> BigInt,
        media_type -> Text,
        created_at -> BigInt,
        quarantine -> Nullable<Text>,
    }
}

diesel::table! {
    idempotency_keys (actor, key) {
        actor -> Text,
        key -> Text,
        fingerprint -> Text,
        answer -> Nullable<Text>,
        expires_at -> BigInt,
    }
}

diesel::table! {
    imported_nodes (node_id) {
        node_id -> BigInt,
        digest -> Text,
    }
}

diesel::table! {
    inspections (node_id, path) {
        node_id -> BigInt,
        path -> Text,
        blob_id -> BigInt,
        reader -> BigInt,
        rules -> BigInt,
        format -> Nullable<Text>,
        format_version -> Nullable<Text>,
        facts -> Text,
        imports -> Text,
        refs -> Text,
        findings -> Text,
        judged -> Text,
        verdict -> Text,
        act -> Text,
    }
}

diesel::table! {
    jobs (id) {
        id -> BigInt,
        kind -> Text,
        payload -> Text,
        created_at -> BigInt,
        run_at -> BigInt,
        attempts -> BigInt,
        lease_until -> Nullable<BigInt>,
        lease_owner -> Nullable<Text>,
        state -> Text,
        actor -> Text,
        progress_done -> BigInt,
        progress_total -> Nullable<BigInt>,
        progress_message -> Nullable<Text>,
        result -> Nullable<Text>,
        error -> Nullable<Text>,
        cancel_requested -> Bool,
        heartbeat_at -> Nullable<BigInt>,
        started_at -> Nullable<BigInt>,
        finished_at -> Nullable<BigInt>,
        principal_id -> Nullable<BigInt>,
        principal_groups -> Nullable<Text>,
        token_id -> Nullable<BigInt>,
        workspace_id -> BigInt,
        webhook_id -> Nullable<BigInt>,
    }
}

diesel::table! {
    learned (node_id) {
        node_id -> BigInt,
        declared -> Text,
        custom -> Text,
    }
}

diesel::table! {
    logged_model_metrics (node_id, name, dataset_name, dataset_digest, run_id) {
        node_id -> BigInt,
        name -> Text,
        dataset_name -> Text,
        dataset_digest -> Text,
        run_id -> BigInt,
        value -> Nullable<Double>,
        is_nan -> Bool,
        step -> BigInt,
        at -> BigInt,
    }
}

diesel::table! {
    logged_model_params (node_id, name) {
        node_id -> BigInt,
        name -> Text,
        value -> Text,
    }
}

diesel::table! {
    logged_models (node_id) {
        node_id -> BigInt,
        experiment_id -> BigInt,
        model_id -> Text,
        source_run_id -> Nullable<BigInt>,
    }
}

diesel::table! {
    members (context_id, node_id) {
        context_id -> BigInt,
        node_id -> BigInt,
    }
}

diesel::table! {
    metric_points (id) {
        id -> BigInt,
        node_id -> BigInt,
        step -> BigInt,
        at -> BigInt,
        value -> Nullable<Double>,
        is_nan -> Bool,
    }
}

diesel::table! {
    metrics (node_id) {
        node_id -> BigInt,
        home_id -> Nullable<BigInt>,
        name -> Text,
        value -> Nullable<Double>,
        is_nan -> Bool,
        step -> BigInt,
        at -> BigInt,
        root_id -> Nullable<BigInt>,
    }
}

diesel::table! {
    multipart_parts (upload_id, number) {
        upload_id -> Text,
        number -> BigInt,
        part_id -> Text,
    }
}

diesel::table! {
    multipart_uploads (upload_id) {
        upload_id -> Text,
        target -> Text,
        parts -> BigInt,
        secret -> Text,
        token_id -> Nullable<BigInt>,
    }
}

diesel::table! {
    nodes (id) {
        id -> BigInt,
        kind -> BigInt,
        type_id -> BigInt,
        home_id -> Nullable<BigInt>,
        name -> Nullable<Text>,
        external_id -> Nullable<Text>,
        uri -> Nullable<Text>,
        state -> Nullable<BigInt>,
        created_at -> BigInt,
        updated_at -> BigInt,
        revision -> BigInt,
        workspace_id -> BigInt,
        root_id -> Nullable<BigInt>,
        owner_id -> Nullable<BigInt>,
    }
}

diesel::table! {
    object_store (single) {
        single -> BigInt,
        store_id -> Text,
    }
}

diesel::table! {
    parameters (node_id) {
        node_id -> BigInt,
        home_id -> BigInt,
        name -> Text,
        value -> Text,
        root_id -> Nullable<BigInt>,
    }
}

diesel::table! {
    policies (model_id) {
        model_id -> BigInt,
        document -> Text,
    }
}

diesel::table! {
    principals (id) {
        id -> BigInt,
        kind -> Text,
        issuer -> Text,
        subject -> Text,
        handle -> Text,
        display_name -> Nullable<Text>,
        email -> Nullable<Text>,
        workspace_id -> Nullable<BigInt>,
        created_at -> BigInt,
        valid_from -> BigInt,
        disabled_at -> Nullable<BigInt>,
        seen_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    properties (node_id, custom, name) {
        node_id -> BigInt,
        custom -> Bool,
        name -> Text,
        kind -> BigInt,
        int_value -> Nullable<BigInt>,
        double_value -> Nullable<Double>,
        text_value -> Nullable<Text>,
        bytes_value -> Nullable<Binary>,
    }
}

diesel::table! {
    quotas (workspace_id) {
        workspace_id -> BigInt,
        bytes -> Nullable<BigInt>,
        files -> Nullable<BigInt>,
        roots -> Nullable<BigInt>,
    }
}

diesel::table! {
    replicas (id) {
        id -> Text,
        version -> Text,
        started_at -> BigInt,
        seen_at -> BigInt,
    }
}

diesel::table! {
    restricted_roots (root_id) {
        root_id -> BigInt,
    }
}

diesel::table! {
    resumable_parts (upload_id, number) {
        upload_id -> Text,
        number -> BigInt,
        tag -> Text,
        checksum -> Text,
    }
}

diesel::table! {
    resumable_tails (upload_id, start) {
        upload_id -> Text,
        start -> BigInt,
        bytes -> Binary,
    }
}

diesel::table! {
    resumable_uploads (id) {
        id -> Text,
        key -> Text,
        model -> Text,
        version -> Text,
        path -> Text,
        media_type -> Nullable<Text>,
        sha256 -> Nullable<Text>,
        creates -> Bool,
        metadata -> Text,
        length -> BigInt,
        position -> BigInt,
        digest -> Binary,
        sent -> BigInt,
        parts -> BigInt,
        multipart -> Nullable<Text>,
        unverified_from -> Nullable<BigInt>,
        lease -> Text,
        lease_until -> BigInt,
        created_at -> BigInt,
        expires_at -> BigInt,
        finished_at -> Nullable<BigInt>,
        direct_part -> Nullable<BigInt>,
        concat -> Nullable<Text>,
        principal_id -> Nullable<BigInt>,
        workspace_id -> BigInt,
    }
}

diesel::table! {
    run_uses (run_id, role, artifact_id) {
        run_id -> BigInt,
        role -> Text,
        artifact_id -> BigInt,
        step -> BigInt,
        tags -> Text,
    }
}

diesel::table! {
    runs (node_id) {
        node_id -> BigInt,
        experiment_id -> BigInt,
        run_id -> Text,
        start_at -> BigInt,
        end_at -> Nullable<BigInt>,
        status -> Nullable<Text>,
        archived -> Bool,
    }
}

diesel::table! {
    saved_views (id) {
        id -> BigInt,
        workspace_id -> BigInt,
        owner_id -> BigInt,
        screen -> Text,
        name -> Text,
        query -> Text,
        revision -> BigInt,
        created_at -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::table! {
    search_texts (id) {
        id -> BigInt,
        node_id -> BigInt,
        source -> BigInt,
        key -> Text,
        text -> Text,
        kind -> BigInt,
        workspace_id -> BigInt,
        root_id -> BigInt,
    }
}

diesel::table! {
    sessions (hash) {
        hash -> Text,
        principal_id -> BigInt,
        group_names -> Text,
        refresh_sealed -> Nullable<Text>,
        created_at -> BigInt,
        seen_at -> BigInt,
        renewed_at -> BigInt,
        claimed_until -> BigInt,
        ends_at -> BigInt,
    }
}

diesel::table! {
    span_attributes (trace_id, span_id, name) {
        trace_id -> Text,
        span_id -> Text,
        name -> Text,
        value -> Text,
    }
}

diesel::table! {
    spans (trace_id, span_id) {
        trace_id -> Text,
        span_id -> Text,
        root -> Bool,
        name -> Text,
        kind -> Text,
        status -> Text,
        start_at -> BigInt,
        document -> Text,
        end_at -> Nullable<BigInt>,
        model -> Nullable<Text>,
        provider -> Nullable<Text>,
        input_cost -> Nullable<Double>,
        output_cost -> Nullable<Double>,
        total_cost -> Nullable<Double>,
    }
}

diesel::table! {
    trace_labels (trace_id, kind, name) {
        trace_id -> Text,
        kind -> Text,
        name -> Text,
        value -> Text,
    }
}

diesel::table! {
    trace_prompts (trace_id, prompt) {
        trace_id -> Text,
        prompt -> Text,
    }
}

diesel::table! {
    trace_runs (trace_id, run_id) {
        trace_id -> Text,
        run_id -> BigInt,
    }
}

diesel::table! {
    traces (trace_id) {
        trace_id -> Text,
        experiment_id -> BigInt,
        name -> Nullable<Text>,
        at -> BigInt,
        duration -> Nullable<BigInt>,
        state -> Text,
        client_request_id -> Nullable<Text>,
        request -> Nullable<Text>,
        response -> Nullable<Text>,
        complete -> Bool,
        id -> Text,
        input_tokens -> Nullable<BigInt>,
        output_tokens -> Nullable<BigInt>,
        total_tokens -> Nullable<BigInt>,
        cache_read_tokens -> Nullable<BigInt>,
        cache_creation_tokens -> Nullable<BigInt>,
    }
}

diesel::table! {
    type_properties (type_id, name) {
        type_id -> BigInt,
        name -> Text,
        data_type -> BigInt,
    }
}

diesel::table! {
    types (id) {
        id -> BigInt,
        kind -> BigInt,
        name -> Text,
        version -> Text,
        description -> Nullable<Text>,
        external_id -> Nullable<Text>,
        base_type -> Nullable<BigInt>,
        input_type -> Nullable<Text>,
        output_type -> Nullable<Text>,
        workspace_id -> Nullable<BigInt>,
    }
}

diesel::table! {
    upkeep (task) {
        task -> Text,
        lease -> Text,
        lease_until -> BigInt,
        began_at -> Nullable<BigInt>,
        reached -> BigInt,
        ended_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    uploads (id) {
        id -> BigInt,
        key -> Text,
        created_at -> BigInt,
        seen_at -> BigInt,
    }
}

diesel::table! {
    usage_deltas (id) {
        id -> BigInt,
        workspace_id -> BigInt,
        bytes -> BigInt,
        files -> BigInt,
        roots -> BigInt,
    }
}

diesel::table! {
    version_counters (model_id) {
        model_id -> BigInt,
        last -> BigInt,
    }
}

diesel::table! {
    version_numbers (version_id) {
        version_id -> BigInt,
        model_id -> BigInt,
        number -> BigInt,
    }
}

diesel::table! {
    webhooks (id) {
        id -> BigInt,
        workspace_id -> BigInt,
        name -> Text,
        description -> Nullable<Text>,
        url -> Text,
        events -> Text,
        active -> Bool,
        secret -> Nullable<Text>,
        principal_id -> Nullable<BigInt>,
        principal_groups -> Nullable<Text>,
        position -> BigInt,
        failures -> BigInt,
        retry_at -> Nullable<BigInt>,
        created_at -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::table! {
    workspace_usage (workspace_id) {
        workspace_id -> BigInt,
        bytes -> BigInt,
        files -> BigInt,
        roots -> BigInt,
    }
}

diesel::table! {
    workspaces (id) {
        id -> BigInt,
        slug -> Text,
        title -> Nullable<Text>,
        created_at -> BigInt,
        archived_at -> Nullable<BigInt>,
        owner_role -> Nullable<Text>,
    }
}

diesel::joinable!(approvals -> nodes (version_id));
diesel::joinable!(assessments -> traces (trace_id));
diesel::joinable!(bindings -> nodes (root_id));
diesel::joinable!(bindings -> workspaces (workspace_id));
diesel::joinable!(eval_dataset_experiments -> eval_datasets (dataset_id));
diesel::joinable!(eval_dataset_experiments -> nodes (experiment_id));
diesel::joinable!(eval_dataset_records -> eval_datasets (dataset_id));
diesel::joinable!(eval_dataset_tags -> eval_datasets (dataset_id));
diesel::joinable!(eval_datasets -> nodes (experiment_id));
diesel::joinable!(files -> blobs (blob_id));
diesel::joinable!(files -> nodes (node_id));
diesel::joinable!(imported_nodes -> nodes (node_id));
diesel::joinable!(inspections -> blobs (blob_id));
diesel::joinable!(inspections -> nodes (node_id));
diesel::joinable!(learned -> nodes (node_id));
diesel::joinable!(logged_model_params -> nodes (node_id));
diesel::joinable!(metric_points -> nodes (node_id));
diesel::joinable!(multipart_parts -> multipart_uploads (upload_id));
diesel::joinable!(multipart_parts -> resumable_uploads (part_id));
diesel::joinable!(multipart_uploads -> resumable_uploads (upload_id));
diesel::joinable!(nodes -> principals (owner_id));
diesel::joinable!(nodes -> types (type_id));
diesel::joinable!(policies -> nodes (model_id));
diesel::joinable!(principals -> workspaces (workspace_id));
diesel::joinable!(properties -> nodes (node_id));
diesel::joinable!(quotas -> workspaces (workspace_id));
diesel::joinable!(resumable_parts -> resumable_uploads (upload_id));
diesel::joinable!(resumable_tails -> resumable_uploads (upload_id));
diesel::joinable!(saved_views -> workspaces (workspace_id));
diesel::joinable!(search_texts -> nodes (node_id));
diesel::joinable!(sessions -> principals (principal_id));
diesel::joinable!(spans -> traces (trace_id));
diesel::joinable!(trace_labels -> traces (trace_id));
diesel::joinable!(trace_prompts -> traces (trace_id));
diesel::joinable!(trace_runs -> nodes (run_id));
diesel::joinable!(trace_runs -> traces (trace_id));
diesel::joinable!(traces -> nodes (experiment_id));
diesel::joinable!(type_properties -> types (type_id));
diesel::joinable!(version_counters -> nodes (model_id));
diesel::joinable!(webhooks -> workspaces (workspace_id));
diesel::joinable!(workspace_usage -> workspaces (workspace_id));

diesel::allow_tables_to_appear_in_same_query!(
    access_epoch,
    aliases,
    api_tokens,
    approvals,
    assessments,
    audit,
    audit_upkeep,
    bindings,
    blobs,
    changes,
    eval_dataset_experiments,
    eval_dataset_records,
    eval_dataset_tags,
    eval_datasets,
    events,
    files,
    idempotency_keys,
    imported_nodes,
    inspections,
    jobs,
    learned,
    logged_model_metrics,
    logged_model_params,
    logged_models,
    members,
    metric_points,
    metrics,
    multipart_parts,
    multipart_uploads,
    nodes,
    object_store,
    parameters,
    policies,
    principals,
    properties,
    quotas,
    replicas,
    restricted_roots,
    resumable_parts,
    resumable_tails,
    resumable_uploads,
    run_uses,
    runs,
    saved_views,
    search_texts,
    sessions,
    span_attributes,
    spans,
    trace_labels,
    trace_prompts,
    trace_runs,
    traces,
    type_properties,
    types,
    upkeep,
    uploads,
    usage_deltas,
    version_counters,
    version_numbers,
    webhooks,
    workspace_usage,
    workspaces,
);
