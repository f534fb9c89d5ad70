import CommandLineOptions
import HTTPTransport
import Observability
import Resilience

/// The provider of vectors, for the worker and for questions.
package struct EmbeddingsConfiguration: Sendable {
    package var provider: OpenAIEmbedder.Settings

    /// - Parameters:
    ///   - prefix: what is put before each text, still encoded.
    ///   - purpose: whether texts are documents' or questions.
    package init(
        _ reader: inout SettingsReader,
        _ common: CommonConfiguration,
        prefix: String,
        purpose: EmbeddingAPI.Purpose
    ) {
        let key = reader.read(Settings.openAIKey)
        KnownSecrets.shared.add(key)
        let api =
            EmbeddingAPI(setting: reader.read(Settings.embeddingProvider), model: common.model) ?? .openAI
        var base = reader.read(Settings.openAIBase)
        if base.host == "api.openai.com", let own = Endpoint(api.address(region: common.region)) { base = own }
        provider = OpenAIEmbedder.Settings(
            endpoint: base,
            apiKey: key,
            sendsKeyAsHeader: reader.read(Settings.openAIAuth) == "api-key",
            apiVersion: reader.read(Settings.openAIVersion),
            model: common.model,
            dimensions: common.dimensions,
            prefix: PercentEncoding.decode(prefix) ?? prefix,
            timeout: .seconds(reader.read(Settings.embeddingTimeout))
        )
        (provider.api, provider.purpose) = (api, purpose)
        if key.contains(where: { $0.isNewline || !$0.isASCII }) {
            reader.problem(
                "OPENAI_API_KEY contains a line break or non-ASCII characters; check how it was copied"
            )
        }
        if key.isEmpty, !api.isSigned, ["api.openai.com", "api.voyageai.com", "api.cohere.com"].contains(base.host) {
            reader.problem("OPENAI_API_KEY is missing: \(base.host) needs one (--openai-api-key)")
        }
    }

    /// For questions of a program that searches.
    package init(ofQuestions reader: inout SettingsReader, _ common: CommonConfiguration) {
        let prefix = reader.read(Settings.queryPrefix)
        self.init(&reader, common, prefix: prefix, purpose: .question)
    }

    /// - Parameters:
    ///   - requests: at the same time.
    ///   - budget: what other workers share.
    package func embedder(_ services: Services, requests: Int, budget: (any RequestBudget)? = nil) -> OpenAIEmbedder {
        OpenAIEmbedder(
            provider,
            http: provider.api.isSigned ? SignedHTTPClient(client: services.signed("bedrock")) : services.http,
            retrying: Retrying(
                policy: OpenAIEmbedder.policy,
                time: services.time,
                observe: services.metrics.observer("embeddings")
            ),
            limiter: RateLimiter(maximumInFlight: requests, time: services.time, budget: budget),
            log: services.log
        )
    }
}

extension EmbeddingsConfiguration {
    /// The provider's batch API; nil where it has none that is known here.
    package func batches(_ services: Services) -> OpenAIBatches? {
        guard provider.api == .openAI else { return nil }
        let retrying = Retrying(
            policy: OpenAIEmbedder.policy,
            time: services.time,
            observe: services.metrics.observer("embeddings")
        )
        return OpenAIBatches(provider, http: services.http, retrying: retrying)
    }
}

/// Requests to a service of AWS that are no calls of its clients here.
private struct SignedHTTPClient: HTTPClient {
    let client: SignedClient

    func execute(_ request: HTTPRequest) async throws -> HTTPResponse { try await client.execute(request).response }
}
