//! Sample data in Japanese, the same every time.

use tokio_postgres::Client;
use uuid::Uuid;

/// How many companies there are.
pub const COMPANIES: usize = 20;

/// A company of the samples, counted from 0.
pub fn company(number: usize) -> Uuid {
    Uuid::from_u128(0x0c00_0000_0000_4000_8000_0000_0000_0000 + number as u128)
}

/// Fills the tables as the master user: companies, equipment with its movements, and so many orders
/// sent in October 2026, in turn to each company.
pub async fn seed(client: &Client, orders: usize) {
    let statement = format!(
        "begin;
        -- Without the triggers: these orders have not gone their way.
        set local session_replication_role = replica;
        insert into companies (id, name)
        select ('0c000000-0000-4000-8000-' || lpad(to_hex(n), 12, '0'))::uuid,
            (array['株式会社みなと空調', '東都電設株式会社', '髙﨑防災設備', '有限会社さくら管工',
                   '北浜ビルサービス'])[n % 5 + 1] || case when n < 5 then '' else ' 第' || n / 5 + 1 || '営業所' end
        from generate_series(0, {COMPANIES} - 1) n;
        insert into equipment (id, name, model, category, location, purchased_on, quantity, created_at)
        select ('0e000000-0000-4000-8000-' || lpad(to_hex(n), 12, '0'))::uuid,
            (array['業務用エアコン', 'LED照明器具', '粉末消火器', '給水ポンプ', '自動火災報知設備'])[n % 5 + 1],
            'KM-' || lpad(n::text, 4, '0'),
            (array['air-conditioning', 'electrical', 'fire-protection', 'plumbing', 'fire-protection'])[n % 5 + 1],
            (array['本庁舎1階', '本庁舎3階', '図書館', '市民体育館', '消防署'])[n / 5 % 5 + 1],
            date '2020-04-01' + n, 7 + n % 3, '2026-08-01 09:00+09'
        from generate_series(0, 499) n;
        insert into stock_movements (equipment_id, delta, reason, moved_at)
        select id, case delta when 5 then quantity - 2 else delta end, reason, moved_at::timestamptz
        from equipment, (values (5, '登録時の数量', '2026-08-01 09:00+09'), (3, '購入', '2026-10-15 10:00+09'),
                    (-1, '廃棄', '2026-10-31 23:59:59+09')) as m (delta, reason, moved_at);
        insert into orders (id, number, company_id, subject, status, requested_by, approved_by, due_on, total,
            sent_at, created_at)
        select ('0f000000-0000-4000-8000-' || lpad(to_hex(n), 12, '0'))::uuid,
            '2026-' || lpad(nextval('order_numbers')::text, 6, '0'),
            ('0c000000-0000-4000-8000-' || lpad(to_hex(n % {COMPANIES}), 12, '0'))::uuid,
            '設備の更新 その' || n, 'sent', '0a000000-0000-4000-8000-000000000001',
            '0a000000-0000-4000-8000-000000000002', date '2026-12-01' + n % 28, 2 * (10000 + n),
            timestamptz '2026-10-01 00:00+09' + interval '31 days' * n / greatest({orders}, 1),
            timestamptz '2026-09-20 09:00+09' + interval '1 minute' * n
        from generate_series(0, {orders} - 1) n;
        insert into order_lines (order_id, line, item, equipment_id, quantity, unit_price)
        select id, 1, '本体 ' || subject, ('0e000000-0000-4000-8000-' || lpad(to_hex((total / 2 - 10000) % 500), 12, '0'))::uuid,
            2, total / 2
        from orders;
        commit;
        analyze"
    );
    for part in statement.split_inclusive("commit;") {
        client.batch_execute(part).await.unwrap();
    }
}
