-- Athena over the daily export; ${BUCKET} is the export bucket. Partitions are computed, so that no crawler and no ALTER TABLE is needed.
CREATE EXTERNAL TABLE IF NOT EXISTS ledger (
  exported_at string,
  pipeline string,
  tenant string,
  bucket string,
  key string,
  state string,
  generation bigint,
  newest_generation bigint,
  chunks bigint,
  created_at string,
  committed_at string,
  event_at string,
  seconds_to_searchable bigint,
  quality_percent bigint,
  flags array<string>,
  rejection_reason string,
  rejected_at string
)
PARTITIONED BY (day string)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
STORED AS TEXTFILE
LOCATION 's3://${BUCKET}/ledger/'
TBLPROPERTIES (
  'projection.enabled' = 'true',
  'projection.day.type' = 'date',
  'projection.day.format' = 'yyyy-MM-dd',
  'projection.day.range' = '2026-01-01,NOW',
  'storage.location.template' = 's3://${BUCKET}/ledger/day=${day}/'
);

-- Documents and chunks by tenant, today.
SELECT tenant, count(*) AS documents, sum(chunks) AS chunks
FROM ledger WHERE day = cast(current_date AS varchar) AND state = 'live'
GROUP BY tenant ORDER BY chunks DESC;

-- Why documents are not searchable.
SELECT rejection_reason, count(*) AS documents, min(key) AS example
FROM ledger WHERE day = cast(current_date AS varchar) AND state = 'rejected'
GROUP BY rejection_reason ORDER BY documents DESC;

-- How long documents took, by day of commit.
SELECT substr(committed_at, 1, 10) AS committed, approx_percentile(seconds_to_searchable, 0.5) AS median_s, approx_percentile(seconds_to_searchable, 0.99) AS p99_s
FROM ledger WHERE day = cast(current_date AS varchar) AND seconds_to_searchable IS NOT NULL
GROUP BY 1 ORDER BY 1;

-- What was deleted since yesterday.
SELECT today.bucket, today.key
FROM ledger today JOIN ledger before ON today.bucket = before.bucket AND today.key = before.key AND today.tenant = before.tenant AND today.pipeline = before.pipeline
WHERE today.day = cast(current_date AS varchar) AND before.day = cast(date_add('day', -1, current_date) AS varchar) AND today.state = 'deleted' AND before.state = 'live';
