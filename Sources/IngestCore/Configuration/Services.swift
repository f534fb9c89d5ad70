import AsyncPrimitives
import HTTPTransport
import Observability
import OpenSearch
import Resilience

/// The clients that programs are made of, built from configuration once.
package struct Services: Sendable {
    package let time: any TimeSource
    package let random: RandomSource
    package let http: CurlTransport
    /// Objects on their way have a transport of their own: a slow disk holds up its thread.
    package let downloads: CurlTransport
    package let openSearch: OpenSearchClient
    package let log: Log
    package let metrics: Metrics
    private let credentials: any CredentialProvider
    private let endpoints: AWSEndpoints
    private let clock = ServerClock()
    private let region: String
    private let agent: Endpoint?

    package init(_ common: CommonConfiguration, environment: [String: String], label: String, sink: any LogSink) {
        KnownSecrets.shared.add(common.openSearchPassword)
        let time = SystemTime()
        self.time = time
        metrics = Metrics()
        random = .system
        http = CurlTransport(caFile: common.caFile)
        downloads = CurlTransport(caFile: common.caFile)
        log = Log(label: label, level: common.logLevel, sink: sink, time: time)
        region = common.region
        agent = environment["ECS_AGENT_URI"].flatMap { Endpoint($0) }
        endpoints = AWSEndpoints(environment: environment)
        credentials = CredentialChain.provider(
            environment,
            http: http,
            files: LocalFiles(),
            time: time,
            region: common.region
        )
        let authorization: OpenSearchClient.Authorization =
            switch common.openSearchAuth {
            case "basic": .basic(user: common.openSearchUser, password: common.openSearchPassword)
            case let service where service == "es" || service == "aoss":
                .signed(
                    SignedClient(
                        signer: SigV4Signer(service: service, region: common.region),
                        http: http,
                        credentials: credentials,
                        clock: clock,
                        time: time
                    )
                )
            default: .none
            }
        openSearch = OpenSearchClient(
            endpoint: common.openSearch,
            http: http,
            authorization: authorization,
            retrying: Retrying(
                policy: RetryPolicy(maximumAttempts: 4, base: .milliseconds(200)),
                time: time,
                observe: metrics.observer("opensearch")
            )
        )
    }

    package func queue(_ url: String) -> SQSQueue {
        SQSQueue(url: url, client: client("sqs", http), endpoint: endpoints.endpoint("sqs", region: region), time: time)
    }

    package func objectStore(temporaryFolder: String = "/tmp", maximumBytes: Int = 256 << 20) -> S3ObjectStore {
        S3ObjectStore(
            client: client("s3", downloads),
            endpoints: endpoints,
            temporaryFolder: temporaryFolder,
            maximumBytes: maximumBytes
        )
    }

    /// Nil where there is no ECS agent.
    package func scaleInProtection() -> ScaleInProtection? {
        agent.map { ScaleInProtection(agent: $0, http: http, time: time, log: log) }
    }

    package func ledger(_ names: IndexNames) -> OpenSearchLedger {
        OpenSearchLedger(index: names.ledger, client: openSearch, time: time)
    }

    private func client(_ service: String, _ http: CurlTransport) -> AWSClient {
        AWSClient(signed(service, http), retrying: Retrying(time: time, observe: metrics.observer(service)))
    }

    /// Signs requests of another service of AWS.
    package func signed(_ service: String, _ transport: CurlTransport? = nil) -> SignedClient {
        SignedClient(
            signer: SigV4Signer(service: service, region: region),
            http: transport ?? http,
            credentials: credentials,
            clock: clock,
            time: time
        )
    }
}

extension Metrics {
    /// Counts what a client's retries see.
    package func observer(_ service: String) -> @Sendable (Failure, Bool) -> Void {
        { failure, isRetried in
            if isRetried { self.count(.retries, service) }
            if case .throttled = failure { self.count(.throttles, service) }
        }
    }
}
