import CommandLineOptions
import Observability

/// Every setting of every program, once.
package enum Settings {
    // AWS. The credentials' own variables are AWS's (see README).
    package static let region = Setting.text(
        "AWS_REGION",
        "region",
        "AWS region, else AWS_DEFAULT_REGION",
        default: "us-east-1"
    ).or("AWS_DEFAULT_REGION")
    package static let ingestQueue = Setting.text("INGEST_QUEUE_URL", "URL", "queue that receives the bucket's events")
    package static let chunkQueue = Setting.text(
        "CHUNK_QUEUE_URL",
        "URL",
        "queue between ingest-worker and embed-worker"
    )
    package static let handoffBucket = Setting.text(
        "HANDOVER_BUCKET",
        "bucket",
        "bucket for chunk payloads that are too large for a message"
    )
    package static let handoffPrefix = Setting.text(
        "HANDOVER_PREFIX",
        "prefix",
        "key prefix of hand-off objects",
        default: "hand-over/"
    )
    package static let caFile = Setting.text(
        "AWS_CA_BUNDLE",
        "file",
        "certificates to trust in addition to the system's, for all servers, PEM",
        default: ""
    )

    // The index.
    package static let openSearch = Setting.address("OPENSEARCH_URL", "OpenSearch cluster")
    package static let alias = Setting.text(
        "OPENSEARCH_INDEX",
        "name",
        "alias that readers search; indexes are named after it",
        default: "documents"
    )
    package static let openSearchAuth = Setting.choice(
        "OPENSEARCH_AUTH",
        ["none", "basic", "es", "aoss"],
        "authentication: none, basic (user and password), or es or aoss (SigV4 with that service's name)",
        default: "none"
    )
    package static let openSearchUser = Setting.text(
        "OPENSEARCH_USER",
        "name",
        "user for basic authentication",
        default: ""
    )
    package static let openSearchPassword = Setting.text(
        "OPENSEARCH_PASSWORD",
        "text",
        "password for basic authentication",
        default: "",
        isSecret: true
    )
    package static let engine = Setting.choice(
        "OPENSEARCH_ENGINE",
        ["faiss", "lucene"],
        "k-NN engine of new indexes",
        default: "faiss"
    )
    package static let shards = Setting.number(
        "OPENSEARCH_SHARDS",
        "n",
        "primary shards of new indexes",
        default: 1,
        in: 1...1024
    )
    package static let replicas = Setting.number(
        "OPENSEARCH_REPLICAS",
        "n",
        "replicas of new indexes",
        default: 1,
        in: 0...16
    )
    package static let tombstoneDays = Setting.number(
        "TOMBSTONE_DAYS",
        "n",
        "tombstone retention in days for 'ingestctl prune' (must exceed the retention of SQS, 14)",
        default: 30,
        in: 15...36_500
    )
    package static let tenant = Setting.text(
        "TENANT",
        "name",
        "tenant that documents belong to; part of their ids",
        default: "default"
    )

    // Chunks and vectors: all of these are part of the fingerprint, and must be the same everywhere.
    package static let model = Setting.text(
        "EMBEDDING_MODEL",
        "name",
        "embedding model",
        default: "text-embedding-3-small"
    ).inFingerprint
    package static let dimensions = Setting.number(
        "EMBEDDING_DIMENSIONS",
        "n",
        "dimensions of its vectors",
        default: 1536,
        in: 1...16_000
    ).inFingerprint

    package static let pipelineName = Setting.text(
        "PIPELINE_NAME",
        "name",
        "name of a second pipeline with otherwise equal settings (to rebuild an index, or for other tenant rules)",
        default: ""
    ).inFingerprint

    package static let pageContent = Setting.choice(
        "PAGE_CONTENT",
        ["main", "whole"],
        "HTML content: `main` (without navigation, sidebars and footers) or `whole`",
        default: "main"
    ).inFingerprint

    // Embeddings.
    package static let embeddingProvider = Setting.choice(
        "EMBEDDING_PROVIDER",
        ["openai", "voyage", "cohere", "bedrock"],
        "whose requests are spoken: `openai` (Azure and compatible servers, too), `voyage`, `cohere`, or `bedrock` (Titan and Cohere models, signed with the role's keys)",
        default: "openai"
    )
    package static let openAIKey = Setting.text(
        "OPENAI_API_KEY",
        "key",
        "key of the embeddings provider, whichever it is; Bedrock needs none",
        default: "",
        isSecret: true
    )
    package static let openAIAuth = Setting.choice(
        "OPENAI_AUTH",
        ["bearer", "api-key"],
        "header that carries the key; Azure's is api-key",
        default: "bearer"
    )
    package static let openAIVersion = Setting.text(
        "OPENAI_API_VERSION",
        "date",
        "api-version of Azure's deployments",
        default: ""
    )
    package static let openAIBase = Setting.address(
        "OPENAI_BASE_URL",
        "embeddings API, with its version; if unset, the provider's own",
        default: "https://api.openai.com/v1"
    )
    package static let embeddingRequests = Setting.number(
        "EMBEDDING_REQUESTS",
        "n",
        "maximum concurrent embedding requests",
        default: 4,
        in: 1...256
    )
    package static let batchInputs = Setting.number(
        "EMBEDDING_BATCH_INPUTS",
        "n",
        "maximum chunks per request",
        default: 256,
        in: 1...2048
    )
    package static let batchTokens = Setting.number(
        "EMBEDDING_BATCH_TOKENS",
        "n",
        "maximum tokens per request",
        default: 100_000,
        in: 8191...290_000
    )
    package static let documentPrefix = Setting.text(
        "EMBEDDING_DOCUMENT_PREFIX",
        "text",
        "prefix of each chunk that is embedded, for models that expect one (`passage: `); percent-encode leading and trailing blanks",
        default: ""
    ).inFingerprint
    package static let queryPrefix = Setting.text(
        "EMBEDDING_QUERY_PREFIX",
        "text",
        "prefix of each question that is embedded (`query: `); percent-encode leading and trailing blanks",
        default: ""
    )
    package static let embeddingTimeout = Setting.number(
        "EMBEDDING_TIMEOUT_SECONDS",
        "s",
        "timeout of an embedding request; a request that takes longer is retried in halves",
        default: 120,
        in: 1...3600
    )
    package static let embeddingWindow = Setting.number(
        "EMBEDDING_WINDOW_CHUNKS",
        "n",
        "chunks of a document that are embedded before they are written to the index; an interruption costs at most one window",
        default: 512,
        in: 1...20_000
    )
    package static let vectorReuse = Setting.choice(
        "VECTOR_REUSE",
        ["document", "tenant"],
        "whose vectors a chunk with the same text takes: its own `document`'s, or those of any document of its `tenant`, which costs a search for each window of chunks",
        default: "document"
    )
    package static let buffer = Setting.number(
        "EMBED_BUFFER_MB",
        "MB",
        "memory for chunks and vectors of all documents in flight; further documents wait",
        default: 64,
        in: 8...65_536
    )
    package static let bulkBytes = Setting.number(
        "BULK_BYTES",
        "bytes",
        "maximum bytes per bulk request",
        default: 8 << 20,
        in: 65_536...100_000_000
    )
    package static let staleness = Setting.number(
        "STALENESS_SECONDS",
        "s",
        "skip a version that will be superseded, unless readers have waited this long",
        default: 300,
        in: 0...86_400
    )
    package static let sweepDelay = Setting.number(
        "ORPHAN_SWEEP_DELAY_SECONDS",
        "s",
        "delay before sweeping orphaned chunks after a redelivery",
        default: 900,
        in: 0...900
    ).or("TIDY_AFTER_SECONDS")

    // Documents.
    package static let documents = Setting.text(
        "DOCUMENTS",
        "rules",
        "which objects are documents, and whose: `s3://bucket/prefix`, `s3://bucket/*.pdf`, `…=tenant`, `!s3://…` to exclude; the last rule that matches decides",
        default: ""
    )

    // Between the workers.
    package static let inlineBytes = Setting.number(
        "HANDOVER_INLINE_BYTES",
        "bytes",
        "maximum inline size of a chunk message; larger payloads go to S3",
        default: 196_608,
        in: 1024...1_040_000
    )
    package static let onRejection = Setting.choice(
        "ON_REJECTION",
        ["keep", "remove"],
        "what happens to the searchable version when a new one is rejected",
        default: "keep"
    )
    package static let temporaryFolder = Setting.text(
        "TMPDIR",
        "folder",
        "directory for downloaded objects",
        default: "/tmp"
    )

    // Running.
    package static let concurrency = Setting.number(
        "CONCURRENCY",
        "n",
        "maximum messages in flight",
        default: 8,
        in: 1...512
    )
    package static let poll = Setting.number("POLL_SECONDS", "s", "length of a long poll", default: 20, in: 1...20)
    package static let grace = Setting.number(
        "GRACE_SECONDS",
        "s",
        "graceful shutdown timeout after SIGTERM",
        default: 20,
        in: 0...110
    )
    package static let exitWhenIdle = Setting.number(
        "EXIT_WHEN_IDLE",
        "s",
        "exit after the queue was empty for this long",
        defaultText: "never",
        in: 1...86_400
    )
    package static let healthHost = Setting.text(
        "HEALTH_HOST",
        "address",
        "address of the health endpoint",
        default: "127.0.0.1"
    )
    package static let healthPort = Setting.number(
        "HEALTH_PORT",
        "port",
        "port of the health endpoint; if unset and in use, a free port is chosen",
        defaultText: "8080, embed-worker 8081",
        in: 0...65_535
    )
    package static let logLevel = Setting.choice(
        "LOG_LEVEL",
        Log.Level.allCases.map(\.rawValue),
        "minimum log level",
        default: "info"
    )
    package static let logFormat = Setting.choice(
        "LOG_FORMAT",
        ["auto", "json", "text"],
        "format of log lines; auto is text on a terminal",
        default: "auto"
    )

    package static let check = Setting.toggle("CHECK", "connect to every dependency, report each, and exit").asFlagOnly
    package static let healthcheck = Setting.toggle(
        "HEALTHCHECK",
        "ask the worker that runs on this host whether it is live, and exit with 0 or 1"
    ).asFlagOnly
    package static let printConfig = Setting.toggle(
        "PRINT_CONFIG",
        "print every setting without secrets, and exit"
    ).asFlagOnly
    package static let version = Setting.toggle("VERSION", "print the version and exit").asFlagOnly
    package static let help = Setting.toggle("HELP", "print this help and exit").asFlagOnly

    package static let common: [SettingDeclaration] =
        [
            region.declaration, openSearch.declaration, alias.declaration, openSearchAuth.declaration,
            openSearchUser.declaration,
            openSearchPassword.declaration, tenant.declaration,
        ] + chunking + [
            model.declaration,
            dimensions.declaration, documentPrefix.declaration, pageContent.declaration, ocrLanguages.declaration,
            pipelineName.declaration,
            caFile.declaration,
            logLevel.declaration,
            logFormat.declaration,
        ]
    package static let worker: [SettingDeclaration] =
        [
            ingestQueue.declaration, chunkQueue.declaration, handoffBucket.declaration, handoffPrefix.declaration,
            concurrency.declaration,
            poll.declaration, grace.declaration, exitWhenIdle.declaration, healthHost.declaration,
            healthPort.declaration, healthcheck.declaration,
        ] + telemetry
    package static let embeddings: [SettingDeclaration] = [
        embeddingProvider.declaration, openAIKey.declaration, openAIBase.declaration, openAIAuth.declaration,
        openAIVersion.declaration,
        embeddingTimeout.declaration,
    ]
    package static let embed: [SettingDeclaration] =
        embeddings + [
            embeddingRequests.declaration, batchInputs.declaration, batchTokens.declaration,
            embeddingWindow.declaration, vectorReuse.declaration, buffer.declaration, bulkBytes.declaration,
            staleness.declaration,
            sweepDelay.declaration,
        ] + budget
    /// Of every program.
    package static var all: [SettingDeclaration] {
        common + worker + ingest + embed + [queryPrefix.declaration] + setup + pruning
    }
    package static let setup: [SettingDeclaration] =
        [engine.declaration, shards.declaration, replicas.declaration] + joining
    /// What `setup` registers where it is set; else the first worker does.
    package static let registered: [SettingDeclaration] = [
        ingestQueue.optional.declaration, chunkQueue.optional.declaration, handoffBucket.optional.declaration,
        handoffPrefix.declaration, documents.declaration,
    ]
    package static let pruning: [SettingDeclaration] = [tombstoneDays.declaration]
    package static let information: [SettingDeclaration] = [
        check.declaration, printConfig.declaration, version.declaration, help.declaration,
    ]
}
