-- Tables, rights and row-level security. Runs as facility_owner, with facility first in search_path.
-- Money is whole yen, times are timestamptz. Every table that a vendor can reach has row-level
-- security that is forced, so that it binds the owner too.

-- The caller's company, set for one transaction. Missing or empty: no company, and so no row.
create function current_company() returns uuid
    language sql stable parallel safe
    return nullif(current_setting('app.company_id', true), '')::uuid;

create function current_actor() returns uuid
    language sql stable parallel safe
    return nullif(current_setting('app.actor', true), '')::uuid;

create table companies (
    id uuid primary key default gen_random_uuid(),
    name text not null check (length(name) between 1 and 200),
    version integer not null default 1,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    deleted_at timestamptz
);

create table equipment (
    id uuid primary key default gen_random_uuid(),
    name text not null check (length(name) between 1 and 200),
    model text not null check (length(model) between 1 and 200),
    category text not null check (category in ('air-conditioning', 'electrical', 'fire-protection', 'plumbing', 'other')),
    location text not null check (length(location) between 1 and 200),
    purchased_on date not null check (purchased_on between '1950-01-01' and '2099-12-31'),
    -- Changes with stock_movements, and in no other way.
    quantity integer not null default 0 check (quantity between 0 and 1000000),
    version integer not null default 1,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    deleted_at timestamptz
);
create index on equipment (name, id) where deleted_at is null;
create index on equipment (purchased_on, id) where deleted_at is null;
create index on equipment (updated_at, id) where deleted_at is null;
create index on equipment using gin ((name || ' ' || model || ' ' || location) gin_trgm_ops) where deleted_at is null;

create table stock_movements (
    id bigint generated always as identity primary key,
    equipment_id uuid not null references equipment,
    delta integer not null check (delta <> 0 and delta between -1000000 and 1000000),
    reason text not null check (length(reason) between 1 and 500),
    moved_at timestamptz not null default now()
);
create index on stock_movements (equipment_id, moved_at);
create index on stock_movements (moved_at);

create sequence order_numbers;

create table orders (
    id uuid primary key default gen_random_uuid(),
    number text not null unique
        default to_char(now() at time zone 'Asia/Tokyo', 'YYYY') || '-' || lpad(nextval('order_numbers')::text, 6, '0'),
    company_id uuid not null references companies,
    subject text not null check (length(subject) between 1 and 200),
    status text not null default 'draft'
        check (status in ('draft', 'submitted', 'approved', 'rejected', 'sent', 'delivered', 'closed')),
    requested_by uuid not null default current_actor(),
    -- Who approved or rejected, never the one who requested.
    approved_by uuid,
    due_on date not null check (due_on between '2000-01-01' and '2099-12-31'),
    total bigint not null default 0 check (total between 0 and 1000000000000),
    sent_at timestamptz,
    version integer not null default 1,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    -- What deliveries refer to, so that a delivery cannot belong to another company's order.
    unique (id, company_id),
    check (approved_by <> requested_by),
    check ((status in ('approved', 'sent', 'delivered', 'closed')) <= (approved_by is not null)),
    check ((status in ('sent', 'delivered', 'closed')) = (sent_at is not null))
);
create index on orders (created_at, id);
create index on orders (company_id, created_at, id);
create index on orders (sent_at) where sent_at is not null;
create index on orders (due_on) where status = 'sent';

create table order_lines (
    order_id uuid not null references orders on delete cascade,
    line integer not null check (line between 1 and 100),
    -- What is ordered, as written then: it stays when the equipment changes, and vendors do not see
    -- the equipment.
    item text not null check (length(item) between 1 and 200),
    equipment_id uuid references equipment,
    quantity integer not null check (quantity between 1 and 100000),
    unit_price bigint not null check (unit_price between 0 and 100000000),
    primary key (order_id, line)
);

create table deliveries (
    order_id uuid primary key,
    company_id uuid not null,
    expected_on date check (expected_on between '2000-01-01' and '2099-12-31'),
    delivered_on date check (delivered_on between '2000-01-01' and '2099-12-31'),
    note text not null default '' check (length(note) <= 2000),
    version integer not null default 1,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    foreign key (order_id, company_id) references orders (id, company_id)
);

create table due_alerts (
    order_id uuid primary key references orders,
    alerted_at timestamptz not null default now()
);

create table monthly_summaries (
    period date not null check (extract(day from period) = 1),
    kind text not null check (kind in ('orders', 'stock')),
    -- The company of orders, the category of stock.
    key text not null,
    count bigint not null,
    amount bigint not null,
    primary key (period, kind, key)
);

create table yearly_summaries (
    period date not null check (extract(doy from period) = 1),
    kind text not null check (kind in ('orders', 'stock')),
    key text not null,
    count bigint not null,
    amount bigint not null,
    primary key (period, kind, key)
);

create table report_runs (
    id uuid primary key default gen_random_uuid(),
    job text not null check (job in ('monthly', 'yearly', 'due-alert', 'request')),
    -- First day, and the first day after it.
    starts_on date not null,
    ends_before date not null check (ends_before > starts_on),
    company_id uuid references companies,
    equipment_id uuid references equipment,
    requested_by uuid default current_actor(),
    rows bigint not null,
    -- Where the files are in the report store.
    files text[] not null,
    finished_at timestamptz not null default now(),
    notified_at timestamptz
);
-- A job makes one report of a period, however often it runs. Staff may ask for the same twice.
create unique index report_once on report_runs (job, starts_on) where job <> 'request';
create index on report_runs (finished_at, id);

create table audit_log (
    id bigint generated always as identity primary key,
    at timestamptz not null default now(),
    actor uuid,
    company_id uuid,
    program text not null,
    trace_id text,
    entity text not null,
    entity_id text not null,
    action text not null,
    before jsonb,
    after jsonb
);
create index on audit_log (entity, entity_id, id);

-- Writes down what changed, whoever changed it: no program can forget it, and none may write the log.
create function audit() returns trigger
    language plpgsql security definer set search_path = pg_catalog, facility as
$$
declare
    old_row jsonb := to_jsonb(old);
    new_row jsonb := to_jsonb(new);
    some_row jsonb := coalesce(new_row, old_row);
begin
    insert into audit_log (actor, company_id, program, trace_id, entity, entity_id, action, before, after)
    values (
        current_actor(),
        current_company(),
        session_user,
        nullif(current_setting('app.trace_id', true), ''),
        tg_table_name,
        coalesce(some_row ->> 'id', concat_ws('/', some_row ->> 'order_id', some_row ->> 'line')),
        lower(tg_op),
        (select jsonb_object_agg(key, value) from jsonb_each(old_row) where new_row is null or new_row -> key <> value),
        (select jsonb_object_agg(key, value) from jsonb_each(new_row) where old_row is null or old_row -> key <> value)
    );
    return null;
end
$$;

-- Optimistic concurrency: programs update `where version = what they have read`.
create function next_version() returns trigger language plpgsql as
$$
begin
    new.version := old.version + 1;
    new.updated_at := now();
    return new;
end
$$;

-- An order goes its way and no other, and once it is submitted it says what it said.
create function order_goes_its_way() returns trigger language plpgsql as
$$
begin
    if new.status <> old.status and (old.status, new.status) not in (
        ('draft', 'submitted'), ('submitted', 'approved'), ('submitted', 'rejected'),
        ('approved', 'sent'), ('sent', 'delivered'), ('delivered', 'closed')
    ) then
        raise exception 'an order does not go from % to %', old.status, new.status;
    end if;
    if new.status <> old.status and new.status in ('approved', 'rejected') then
        new.approved_by := current_actor();
    elsif new.status <> old.status and new.status = 'sent' then
        new.sent_at := now();
    end if;
    if old.status <> 'draft' and
        (new.company_id, new.subject, new.due_on, new.total, new.requested_by)
        is distinct from (old.company_id, old.subject, old.due_on, old.total, old.requested_by) then
        raise exception 'an order that is submitted does not change';
    end if;
    return new;
end
$$;

create function lines_of_drafts() returns trigger language plpgsql as
$$
begin
    perform from orders where id = coalesce(new.order_id, old.order_id) and status = 'draft';
    if not found then
        raise exception 'the lines of an order that is submitted do not change';
    end if;
    return coalesce(new, old);
end
$$;

create function move_stock() returns trigger
    language plpgsql security definer set search_path = pg_catalog, facility as
$$
begin
    update equipment set quantity = quantity + new.delta where id = new.equipment_id;
    return null;
end
$$;

create trigger moves after insert on stock_movements for each row execute function move_stock();
create trigger version before update on companies for each row execute function next_version();
create trigger version before update on equipment for each row execute function next_version();
create trigger version before update on orders for each row execute function next_version();
create trigger version before update on deliveries for each row execute function next_version();
create trigger way before update on orders for each row execute function order_goes_its_way();
create trigger drafts before insert or update or delete on order_lines for each row execute function lines_of_drafts();
create trigger audit after insert or update or delete on companies for each row execute function audit();
create trigger audit after insert or update or delete on equipment for each row execute function audit();
create trigger audit after insert or update or delete on stock_movements for each row execute function audit();
create trigger audit after insert or update or delete on orders for each row execute function audit();
create trigger audit after insert or update or delete on order_lines for each row execute function audit();
create trigger audit after insert or update or delete on deliveries for each row execute function audit();
create trigger audit after insert or update or delete on report_runs for each row execute function audit();

-- Rights: what each program does, and nothing more. Nobody deletes but lines of drafts.
grant select on schema_migrations to facility_staff_api, facility_vendor_api, facility_batch;

grant select on companies, equipment, stock_movements, orders, order_lines, deliveries, report_runs
    to facility_staff_api;
grant insert (name), update (name, deleted_at) on companies to facility_staff_api;
grant insert (name, model, category, location, purchased_on),
    update (name, model, category, location, purchased_on, deleted_at) on equipment to facility_staff_api;
grant insert (equipment_id, delta, reason) on stock_movements to facility_staff_api;
grant insert (company_id, subject, due_on), update (company_id, subject, due_on, total, status)
    on orders to facility_staff_api;
grant insert, delete on order_lines to facility_staff_api;
grant insert (order_id, company_id, expected_on, delivered_on, note), update (expected_on, delivered_on, note)
    on deliveries to facility_staff_api;
grant insert on report_runs to facility_staff_api;
grant select on monthly_summaries, yearly_summaries, audit_log to facility_staff_api;
grant usage on sequence order_numbers to facility_staff_api;

grant select on companies, order_lines, deliveries to facility_vendor_api;
-- Who of the staff has requested and approved is none of a vendor's business.
grant select (id, number, company_id, subject, status, due_on, total, sent_at, version, created_at)
    on orders to facility_vendor_api;
grant insert (order_id, company_id, expected_on, delivered_on, note), update (expected_on, delivered_on, note)
    on deliveries to facility_vendor_api;
grant update (status) on orders to facility_vendor_api;

grant select on companies, equipment, stock_movements, orders, order_lines, deliveries to facility_batch;
grant select, insert on due_alerts to facility_batch;
grant select, insert, update, delete on monthly_summaries, yearly_summaries to facility_batch;
grant select, insert on report_runs to facility_batch;
grant update (notified_at) on report_runs to facility_batch;

-- Row-level security. A role without a policy sees nothing: that goes for the owner as well.
alter table companies enable row level security, force row level security;
alter table orders enable row level security, force row level security;
alter table order_lines enable row level security, force row level security;
alter table deliveries enable row level security, force row level security;

create policy staff on companies to facility_staff_api using (true);
create policy staff on orders to facility_staff_api using (true);
create policy staff on order_lines to facility_staff_api using (true);
create policy staff on deliveries to facility_staff_api using (true);
create policy batch on companies for select to facility_batch using (true);
create policy batch on orders for select to facility_batch using (true);
create policy batch on order_lines for select to facility_batch using (true);
create policy batch on deliveries for select to facility_batch using (true);

create policy vendor on companies for select to facility_vendor_api using (id = current_company());
-- An order exists for a vendor once it is sent.
create policy vendor_reads on orders for select to facility_vendor_api
    using (company_id = current_company() and status in ('sent', 'delivered', 'closed'));
create policy vendor_delivers on orders for update to facility_vendor_api
    using (company_id = current_company() and status = 'sent')
    with check (company_id = current_company() and status = 'delivered');
-- These look at orders as the vendor sees them.
create policy vendor on order_lines for select to facility_vendor_api
    using (exists (select from orders where id = order_id));
create policy vendor on deliveries to facility_vendor_api
    using (company_id = current_company() and exists (select from orders where id = order_id))
    with check (company_id = current_company() and exists (select from orders where id = order_id));
