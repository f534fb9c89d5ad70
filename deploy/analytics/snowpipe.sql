-- Snowflake: each object of the daily export is loaded as it arrives. ${BUCKET} is the export bucket, ${ROLE_ARN} a role that Snowflake may assume and that may read s3://${BUCKET}/ledger/ and decrypt with the fleet's key.
CREATE STORAGE INTEGRATION IF NOT EXISTS ingest_fleet
  TYPE = EXTERNAL_STAGE
  STORAGE_PROVIDER = 'S3'
  ENABLED = TRUE
  STORAGE_AWS_ROLE_ARN = '${ROLE_ARN}'
  STORAGE_ALLOWED_LOCATIONS = ('s3://${BUCKET}/ledger/');

CREATE FILE FORMAT IF NOT EXISTS json_lines TYPE = JSON COMPRESSION = ZSTD;

CREATE STAGE IF NOT EXISTS ledger_stage
  URL = 's3://${BUCKET}/ledger/'
  STORAGE_INTEGRATION = ingest_fleet
  FILE_FORMAT = json_lines;

CREATE TABLE IF NOT EXISTS ledger (
  day DATE,
  exported_at TIMESTAMP_NTZ,
  pipeline STRING,
  tenant STRING,
  bucket STRING,
  key STRING,
  state STRING,
  generation NUMBER,
  newest_generation NUMBER,
  chunks NUMBER,
  created_at TIMESTAMP_NTZ,
  committed_at TIMESTAMP_NTZ,
  event_at TIMESTAMP_NTZ,
  seconds_to_searchable NUMBER,
  quality_percent NUMBER,
  flags ARRAY,
  rejection_reason STRING,
  rejected_at TIMESTAMP_NTZ
) CLUSTER BY (day);

-- Its notification channel (SHOW PIPES) is the queue that the export bucket has to notify of s3:ObjectCreated:* below ledger/.
CREATE PIPE IF NOT EXISTS ledger_pipe AUTO_INGEST = TRUE AS
COPY INTO ledger FROM (
  SELECT
    TO_DATE(REGEXP_SUBSTR(METADATA$FILENAME, 'day=(\\d{4}-\\d{2}-\\d{2})', 1, 1, 'e')),
    $1:exported_at, $1:pipeline, $1:tenant, $1:bucket, $1:key, $1:state, $1:generation, $1:newest_generation, $1:chunks, $1:created_at,
    $1:committed_at, $1:event_at, $1:seconds_to_searchable, $1:quality_percent, $1:flags, $1:rejection_reason, $1:rejected_at
  FROM @ledger_stage
);
