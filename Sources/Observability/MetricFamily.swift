/// What every family of series has: a name by the conventions of OpenMetrics (base units, the unit in the name, `_total` for counters), a
/// sentence of help, and the programs that report it.
package protocol MetricFamily: RawRepresentable<String>, CaseIterable, Hashable, Sendable {
    var help: String { get }
    var reporters: Metrics.Reporters { get }
}

extension MetricFamily {
    package var name: String { rawValue }

    func isReported(by reporter: Metrics.Reporters) -> Bool { !reporters.isDisjoint(with: reporter) }
}

extension Metrics {
    package struct Reporters: OptionSet, Sendable {
        package let rawValue: Int

        package init(rawValue: Int) { self.rawValue = rawValue }

        package static let ingest = Reporters(rawValue: 1)
        package static let embed = Reporters(rawValue: 2)
        package static let both: Reporters = [.ingest, .embed]
    }

    /// Counters with one label, whose values are of a closed set.
    package enum Counter: String, MetricFamily {
        case rejections = "ingest_rejections_total"
        case leftOut = "ingest_events_left_out_total"
        case requeued = "ingest_messages_requeued_total"
        case retries = "ingest_request_retries_total"
        case throttles = "ingest_throttled_responses_total"
        case extractorEnds = "ingest_extractor_failures_total"

        package var label: String {
            switch self {
            case .rejections, .leftOut, .requeued: "reason"
            case .retries, .throttles: "service"
            case .extractorEnds: "kind"
            }
        }

        package var help: String {
            switch self {
            case .rejections: "Documents rejected, by reason code."
            case .leftOut:
                "Objects that an event named and nothing was done for: rule, unchanged, rejected_before or not_there."
            case .requeued: "Messages sent back to their queue as a delayed copy: unavailable, busy or other_index."
            case .retries: "Requests that failed and were sent again, by service."
            case .throttles: "Responses that refused a request for its rate (429, 503 SlowDown), by service."
            case .extractorEnds:
                "Extractor processes that were killed or ended by a document: timeout, memory or crash."
            }
        }

        package var reporters: Reporters {
            switch self {
            case .leftOut, .extractorEnds: .ingest
            case .rejections, .requeued, .retries, .throttles: .both
            }
        }
    }

    /// Values that are read when they are asked for, with one label or none.
    package enum Gauge: String, MetricFamily {
        case ready = "ingest_ready"
        case paused = "ingest_paused"
        case queueMessages = "ingest_queue_messages"
        case oldestMessage = "ingest_oldest_received_message_age_seconds"
        case lastPoll = "ingest_last_receive_age_seconds"
        case requestsInFlight = "ingest_embedding_requests_in_flight"
        case requestsLimit = "ingest_embedding_requests_limit"
        case requestsWaiting = "ingest_embedding_requests_waiting"
        case vectorDrift = "ingest_vector_drift_ratio"
        case tenantTokens = "ingest_tenant_embedded_tokens"
        case tenantCost = "ingest_tenant_embedding_cost_dollars"
        case build = "ingest_build_info"
        case residentMemory = "process_resident_memory_bytes"
        case openFiles = "process_open_fds"
        case startTime = "process_start_time_seconds"

        /// Too many values for CloudWatch, which bills each.
        var isDetail: Bool {
            switch self {
            case .build, .tenantTokens, .tenantCost: true
            default: false
            }
        }

        package var label: String? {
            switch self {
            case .paused: "dependency"
            case .queueMessages: "state"
            case .build: "version"
            case .tenantTokens, .tenantCost: "tenant"
            default: nil
            }
        }

        package var help: String {
            switch self {
            case .ready: "1 where the worker can work, 0 where it is paused or has received nothing yet."
            case .paused: "1 for each dependency that work is paused for; operator for a pause by ingestctl."
            case .queueMessages:
                "Messages of the worker's own queue by state (visible, in_flight, delayed) and of its dead-letter queue (dead). Every task reports the same queue."
            case .oldestMessage: "Age of the oldest message received in the last minute."
            case .lastPoll: "Time since the last response of ReceiveMessage."
            case .requestsInFlight: "Embedding requests that wait for their response."
            case .requestsLimit: "Embedding requests that the limiter allows at once now."
            case .requestsWaiting: "Embedding requests that wait for the limiter."
            case .vectorDrift:
                "1 minus the cosine of the mean of the vectors embedded since the start and the mean of a sample of the index."
            case .tenantTokens:
                "Tokens that this worker embedded today (UTC), by tenant: those with most, and `other tenants`."
            case .tenantCost: "Their price in US dollars."
            case .build: "1, with the version as a label."
            case .residentMemory: "Resident memory of the worker, without its extractors."
            case .openFiles: "Open file descriptors."
            case .startTime: "Start of the process, in seconds since 1970."
            }
        }

        package var reporters: Reporters {
            switch self {
            case .requestsInFlight, .requestsLimit, .requestsWaiting, .vectorDrift, .tenantTokens, .tenantCost: .embed
            default: .both
            }
        }
    }
}
