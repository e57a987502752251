//! The tables, as both databases have them. On SQLite some have a `row` besides, which only the
//! search words look at.

use diesel::table;

table! {
    use diesel::sql_types::*;
    use crate::types::{Guid, Ts};

    accounts (id) {
        id -> Guid,
        email -> Text,
        password_hash -> Text,
        created_at -> Ts,
    }
}

table! {
    use diesel::sql_types::*;
    use crate::types::{Guid, Ts};

    workspaces (key) {
        key -> BigInt,
        id -> Guid,
        name -> Text,
        name_key -> Text,
        time_zone -> Text,
        currency -> Text,
        permissions -> Nullable<Text>,
        created_at -> Ts,
        updated_at -> Ts,
        version -> BigInt,
    }
}

table! {
    use diesel::sql_types::*;
    use crate::types::{Guid, Ts};

    users (workspace_id, id) {
        workspace_id -> BigInt,
        id -> Guid,
        account_id -> Nullable<Guid>,
        email -> Nullable<Text>,
        email_key -> Nullable<Text>,
        name -> Nullable<Text>,
        name_key -> Text,
        role -> Text,
        status -> Text,
        time_zone -> Nullable<Text>,
        locale -> Nullable<Text>,
        created_at -> Ts,
        updated_at -> Ts,
        version -> BigInt,
        deleted_at -> Nullable<Ts>,
    }
}

table! {
    use diesel::sql_types::*;
    use crate::types::{Guid, Ts};

    users_seen (workspace_id, user_id) {
        workspace_id -> Guid,
        user_id -> Guid,
        at -> Ts,
    }
}

table! {
    use diesel::sql_types::*;
    use crate::types::{Guid, Ts};

    teams (workspace_id, id) {
        workspace_id -> BigInt,
        id -> Guid,
        name -> Nullable<Text>,
        name_key -> Text,
        created_at -> Ts,
        updated_at -> Ts,
        version -> BigInt,
        deleted_at -> Nullable<Ts>,
    }
}

table! {
    use diesel::sql_types::*;
    use crate::types::{Guid, Ts};

    team_members (workspace_id, team_id, user_id) {
        workspace_id -> BigInt,
        team_id -> Guid,
        user_id -> Guid,
    }
}

table! {
    use diesel::sql_types::*;
    use crate::types::{Guid, Ts};

    tags (workspace_id, id) {
        workspace_id -> BigInt,
        id -> Guid,
        name -> Nullable<Text>,
        name_key -> Text,
        created_at -> Ts,
        updated_at -> Ts,
        version -> BigInt,
    }
}

table! {
    use diesel::sql_types::*;
    use crate::types::{Guid, Ts};

    custom_fields (workspace_id, id) {
        workspace_id -> BigInt,
        id -> Guid,
        entity -> SmallInt,
        key -> Text,
        data -> Text,
        version -> BigInt,
        deleted_at -> Nullable<Ts>,
    }
}

table! {
    use diesel::sql_types::*;
    use crate::types::{Guid, Ts};

    pipelines (workspace_id, id) {
        workspace_id -> BigInt,
        id -> Guid,
        name -> Nullable<Text>,
        name_key -> Text,
        is_default -> Bool,
        created_at -> Ts,
        updated_at -> Ts,
        version -> BigInt,
        deleted_at -> Nullable<Ts>,
    }
}

table! {
    use diesel::sql_types::*;
    use crate::types::{Guid, Ts};

    stages (workspace_id, pipeline_id, id) {
        workspace_id -> BigInt,
        pipeline_id -> Guid,
        id -> Guid,
        position -> Integer,
        name -> Text,
        kind -> Text,
        probability -> Nullable<BigInt>,
        days_until_stale -> Nullable<BigInt>,
    }
}

table! {
    use diesel::sql_types::*;
    use crate::types::{Guid, Ts};

    companies (workspace_id, id) {
        workspace_id -> BigInt,
        id -> Guid,
        name -> Nullable<Text>,
        name_key -> Text,
        domain -> Nullable<Text>,
        domain_key -> Nullable<Text>,
        industry -> Nullable<Text>,
        industry_key -> Nullable<Text>,
        employees -> Nullable<BigInt>,
        owner_id -> Nullable<Guid>,
        external_id -> Nullable<Text>,
        external_id_key -> Nullable<Text>,
        tags -> Nullable<Text>,
        custom -> Nullable<Text>,
        created_at -> Ts,
        updated_at -> Ts,
        version -> BigInt,
        deleted_at -> Nullable<Ts>,
    }
}

table! {
    use diesel::sql_types::*;
    use crate::types::{Guid, Ts};

    contacts (workspace_id, id) {
        workspace_id -> BigInt,
        id -> Guid,
        first_name -> Nullable<Text>,
        first_name_key -> Nullable<Text>,
        last_name -> Nullable<Text>,
        last_name_key -> Nullable<Text>,
        email -> Nullable<Text>,
        email_key -> Nullable<Text>,
        phone -> Nullable<Text>,
        phone_key -> Nullable<Text>,
        title -> Nullable<Text>,
        title_key -> Nullable<Text>,
        company_id -> Nullable<Guid>,
        owner_id -> Nullable<Guid>,
        lifecycle -> Text,
        source -> Nullable<Text>,
        source_key -> Nullable<Text>,
        external_id -> Nullable<Text>,
        external_id_key -> Nullable<Text>,
        tags -> Nullable<Text>,
        custom -> Nullable<Text>,
        created_at -> Ts,
        updated_at -> Ts,
        version -> BigInt,
        deleted_at -> Nullable<Ts>,
    }
}

table! {
    use diesel::sql_types::*;
    use crate::types::{Guid, Ts};

    deals (workspace_id, id) {
        workspace_id -> BigInt,
        id -> Guid,
        title -> Nullable<Text>,
        title_key -> Text,
        value_minor -> Nullable<BigInt>,
        value_currency -> Nullable<Text>,
        pipeline_id -> Guid,
        stage_id -> Guid,
        status -> Text,
        stage_entered_at -> Ts,
        opened_at -> Nullable<Ts>,
        closed_at -> Nullable<Ts>,
        contact_id -> Nullable<Guid>,
        company_id -> Nullable<Guid>,
        owner_id -> Nullable<Guid>,
        source -> Nullable<Text>,
        source_key -> Nullable<Text>,
        external_id -> Nullable<Text>,
        external_id_key -> Nullable<Text>,
        tags -> Nullable<Text>,
        custom -> Nullable<Text>,
        created_at -> Ts,
        updated_at -> Ts,
        version -> BigInt,
        deleted_at -> Nullable<Ts>,
        expected_close_day -> Nullable<BigInt>,
        probability -> Nullable<BigInt>,
        forecast_category -> Nullable<Text>,
        lost_reason -> Nullable<Text>,
        lost_reason_key -> Nullable<Text>,
        value_estimated -> BigInt,
    }
}

table! {
    use diesel::sql_types::*;
    use crate::types::{Guid, Ts};

    tasks (workspace_id, id) {
        workspace_id -> BigInt,
        id -> Guid,
        title -> Nullable<Text>,
        title_key -> Text,
        description -> Nullable<Text>,
        description_key -> Nullable<Text>,
        kind -> Text,
        priority -> Text,
        status -> Text,
        due_at -> Nullable<Ts>,
        due_day -> Nullable<BigInt>,
        duration_minutes -> Nullable<BigInt>,
        completed_at -> Nullable<Ts>,
        contact_id -> Nullable<Guid>,
        company_id -> Nullable<Guid>,
        deal_id -> Nullable<Guid>,
        assignee_id -> Nullable<Guid>,
        created_by -> Nullable<Guid>,
        external_id -> Nullable<Text>,
        external_id_key -> Nullable<Text>,
        tags -> Nullable<Text>,
        custom -> Nullable<Text>,
        created_at -> Ts,
        updated_at -> Ts,
        version -> BigInt,
        deleted_at -> Nullable<Ts>,
        reminder -> Nullable<Text>,
        recurrence -> Nullable<Text>,
        recurrence_start -> Nullable<Text>,
        next_id -> Nullable<Guid>,
    }
}

table! {
    use diesel::sql_types::*;
    use crate::types::{Guid, Ts};

    deal_moves (workspace_id, deal_id, place) {
        workspace_id -> BigInt,
        deal_id -> Guid,
        place -> BigInt,
        from_stage -> Nullable<Guid>,
        to_stage -> Guid,
        at -> Ts,
    }
}

table! {
    use diesel::sql_types::*;
    use crate::types::{Guid, Ts};

    notes (workspace_id, id) {
        workspace_id -> BigInt,
        id -> Guid,
        body -> Text,
        contact_id -> Nullable<Guid>,
        company_id -> Nullable<Guid>,
        deal_id -> Nullable<Guid>,
        author_id -> Nullable<Guid>,
        created_at -> Ts,
        updated_at -> Ts,
        version -> BigInt,
        deleted_at -> Nullable<Ts>,
    }
}

table! {
    use diesel::sql_types::*;
    use crate::types::{Guid, Ts};

    record_tags (workspace_id, tag_key, entity, record_id) {
        workspace_id -> BigInt,
        tag_key -> Text,
        entity -> SmallInt,
        record_id -> Guid,
    }
}

table! {
    use diesel::sql_types::*;
    use crate::types::{Guid, Ts};

    custom_values (workspace_id, record_id, field_id, position) {
        workspace_id -> BigInt,
        record_id -> Guid,
        field_id -> Guid,
        position -> Integer,
        text_head -> Nullable<Text>,
        text_full -> Nullable<Text>,
        number -> Nullable<Double>,
        whole -> Nullable<BigInt>,
        currency -> Nullable<Text>,
        reference -> Nullable<Guid>,
    }
}

table! {
    use diesel::sql_types::*;
    use crate::types::{Guid, Ts};

    imports (workspace_id, id) {
        workspace_id -> BigInt,
        id -> Guid,
        created_by -> Nullable<Guid>,
        data -> Text,
        version -> BigInt,
    }
}

table! {
    use diesel::sql_types::*;
    use crate::types::{Guid, Ts};

    failed_rows (workspace_id, import_id, line) {
        workspace_id -> BigInt,
        import_id -> Guid,
        line -> BigInt,
        cells -> Text,
        field -> Text,
        code -> Text,
        message -> Text,
    }
}

table! {
    use diesel::sql_types::*;
    use crate::types::{Guid, Ts};

    fingerprints (workspace_id, entity, digest, record_id) {
        workspace_id -> BigInt,
        entity -> SmallInt,
        digest -> Binary,
        record_id -> Guid,
    }
}

table! {
    use diesel::sql_types::*;
    use crate::types::{Guid, Ts};

    jobs (workspace_id, id) {
        workspace_id -> BigInt,
        id -> Guid,
        created_by -> Nullable<Guid>,
        queue -> Text,
        kind -> Text,
        state -> Text,
        priority -> SmallInt,
        attempts -> Integer,
        run_at -> Nullable<Ts>,
        due_at -> Nullable<Ts>,
        started_at -> Nullable<Ts>,
        finished_at -> Nullable<Ts>,
        updated_at -> Ts,
        data -> Text,
        errors -> Nullable<Text>,
        version -> BigInt,
        claim -> BigInt,
        result -> Nullable<Text>,
    }
}

table! {
    use diesel::sql_types::*;
    use crate::types::{Guid, Ts};

    job_keys (workspace_id, key) {
        workspace_id -> BigInt,
        key -> Binary,
        job_id -> Guid,
        until -> Nullable<Ts>,
    }
}

table! {
    use diesel::sql_types::*;
    use crate::types::Ts;

    paused_queues (workspace_id, queue) {
        workspace_id -> BigInt,
        queue -> Text,
        paused_at -> Ts,
    }
}

table! {
    use diesel::sql_types::*;
    use crate::types::{Guid, Ts};

    upload_pieces (workspace_id, upload_id, position) {
        workspace_id -> BigInt,
        upload_id -> Guid,
        position -> Integer,
        at -> Ts,
        bytes -> Binary,
    }
}

table! {
    use diesel::sql_types::*;
    use crate::types::{Guid, Ts};

    journal (workspace_id, record_id, id) {
        workspace_id -> BigInt,
        record_id -> Guid,
        id -> Guid,
        at -> Ts,
        actor_id -> Nullable<Guid>,
        cause -> Nullable<Text>,
        batch_id -> Nullable<Guid>,
        depth -> SmallInt,
        entity -> SmallInt,
        version -> BigInt,
        subject_entity -> Nullable<SmallInt>,
        subject_id -> Nullable<Guid>,
        change -> SmallInt,
        before -> Nullable<Text>,
        after -> Nullable<Text>,
        events -> Nullable<Text>,
        salt -> Nullable<Binary>,
        digest -> Nullable<Binary>,
    }
}

table! {
    use diesel::sql_types::*;
    use crate::types::{Guid, Ts};

    journal_queue (position) {
        position -> BigInt,
        workspace_id -> BigInt,
        record_id -> Guid,
        entry_id -> Guid,
    }
}

table! {
    use diesel::sql_types::*;
    use crate::types::{Guid, Ts};

    journal_heads (workspace_id) {
        workspace_id -> BigInt,
        seq -> BigInt,
        hash -> Binary,
    }
}

table! {
    use diesel::sql_types::*;
    use crate::types::{Guid, Ts};

    journal_seals (workspace_id, seq) {
        workspace_id -> BigInt,
        seq -> BigInt,
        record_id -> Guid,
        entry_id -> Guid,
        hash -> Binary,
    }
}

table! {
    use diesel::sql_types::*;
    use crate::types::{Guid, Ts};

    guards (workspace_id, name) {
        workspace_id -> BigInt,
        name -> Text,
        version -> BigInt,
    }
}

table! {
    use diesel::sql_types::*;
    use crate::types::{Guid, Ts};

    idempotency_keys (workspace_id, scope) {
        workspace_id -> BigInt,
        scope -> Binary,
        body -> Binary,
        entity -> SmallInt,
        record_id -> Guid,
        version -> BigInt,
        at -> Ts,
    }
}

table! {
    use diesel::sql_types::*;
    use crate::types::{Guid, Ts};

    sign_ins (id) {
        id -> Guid,
        account_id -> Guid,
        workspace_id -> Guid,
        user_id -> Guid,
        created_at -> Ts,
        expires_at -> Ts,
        revoked_at -> Nullable<Ts>,
        digest -> Binary,
    }
}

table! {
    use diesel::sql_types::*;
    use crate::types::{Guid, Ts};

    refresh_digests (digest) {
        digest -> Binary,
        sign_in_id -> Guid,
    }
}

table! {
    use diesel::sql_types::*;
    use crate::types::{Guid, Ts};

    exchange_rates (workspace_id, id) {
        workspace_id -> BigInt,
        id -> Guid,
        pair -> Text,
        base_currency -> Text,
        quote_currency -> Text,
        rate -> BigInt,
        valid_from_day -> BigInt,
        created_at -> Ts,
        updated_at -> Ts,
        version -> BigInt,
        deleted_at -> Nullable<Ts>,
    }
}

table! {
    use diesel::sql_types::*;

    relay_cursors (handler, workspace_id) {
        handler -> Text,
        workspace_id -> BigInt,
        seq -> BigInt,
    }
}

table! {
    use diesel::sql_types::*;
    use crate::types::{Guid, Ts};

    webhook_endpoints (workspace_id, id) {
        workspace_id -> BigInt,
        id -> Guid,
        data -> Text,
        version -> BigInt,
        deleted_at -> Nullable<Ts>,
    }
}

table! {
    use diesel::sql_types::*;
    use crate::types::{Guid, Ts};

    webhook_secrets (workspace_id, endpoint_id, made_at) {
        workspace_id -> BigInt,
        endpoint_id -> Guid,
        made_at -> Ts,
        secret -> Text,
        until -> Nullable<Ts>,
    }
}

table! {
    use diesel::sql_types::*;
    use crate::types::{Guid, Ts};

    webhook_failing (workspace_id, endpoint_id) {
        workspace_id -> BigInt,
        endpoint_id -> Guid,
        since -> Ts,
    }
}

table! {
    use diesel::sql_types::*;
    use crate::types::{Guid, Ts};

    webhook_deliveries (workspace_id, id) {
        workspace_id -> BigInt,
        id -> Guid,
        endpoint_id -> Guid,
        record_id -> Nullable<Guid>,
        seq -> BigInt,
        state -> Text,
        replay_of -> Nullable<Guid>,
        created_at -> Ts,
        data -> Text,
    }
}

table! {
    use diesel::sql_types::*;
    use crate::types::{Guid, Ts};

    mail_templates (workspace_id, id) {
        workspace_id -> BigInt,
        id -> Guid,
        name -> Text,
        subject -> Text,
        body_text -> Nullable<Text>,
        body_html -> Nullable<Text>,
        created_at -> Ts,
        updated_at -> Ts,
        version -> BigInt,
        deleted_at -> Nullable<Ts>,
    }
}

table! {
    use diesel::sql_types::*;
    use crate::types::{Guid, Ts};

    mail_suppressions (workspace_id, email) {
        workspace_id -> BigInt,
        email -> Text,
        id -> Guid,
        reason -> Text,
        since -> Ts,
        created_by -> Nullable<Guid>,
    }
}

table! {
    use diesel::sql_types::*;
    use crate::types::{Guid, Ts};

    mails (workspace_id, id) {
        workspace_id -> BigInt,
        id -> Guid,
        state -> Text,
        recipients -> Text,
        suppressed -> Text,
        template -> Nullable<Text>,
        error -> Nullable<Text>,
        at -> Ts,
        created_by -> Nullable<Guid>,
    }
}

table! {
    use diesel::sql_types::*;
    use crate::types::{Guid, Ts};

    throttles (key) {
        key -> Text,
        began_at -> BigInt,
        attempts -> BigInt,
    }
}

diesel::allow_tables_to_appear_in_same_query!(
    accounts,
    workspaces,
    users,
    users_seen,
    teams,
    team_members,
    tags,
    custom_fields,
    exchange_rates,
    mail_templates,
    mail_suppressions,
    mails,
    pipelines,
    stages,
    companies,
    contacts,
    deals,
    tasks,
    notes,
    record_tags,
    custom_values,
    imports,
    failed_rows,
    fingerprints,
    jobs,
    job_keys,
    paused_queues,
    relay_cursors,
    webhook_endpoints,
    webhook_secrets,
    webhook_failing,
    webhook_deliveries,
    upload_pieces,
    journal,
    journal_queue,
    journal_heads,
    journal_seals,
    guards,
    idempotency_keys,
    sign_ins,
    refresh_digests,
    throttles
);
