import CommandLineOptions
import HTTPTransport
import Observability
import Resilience

/// The provider of vectors, for the worker and for questions.
package struct EmbeddingsConfiguration: Sendable {
    package var provider: OpenAIEmbedder.Settings

    /// - Parameter prefix: what is put before each text, still encoded.
    package init(_ reader: inout SettingsReader, _ common: CommonConfiguration, prefix: String) {
        let key = reader.read(Settings.openAIKey)
        KnownSecrets.shared.add(key)
        let base = reader.read(Settings.openAIBase)
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
        if key.contains(where: { $0.isNewline || !$0.isASCII }) {
            reader.problem(
                "OPENAI_API_KEY contains a line break or non-ASCII characters; check how it was copied"
            )
        }
        if key.isEmpty, base.host == "api.openai.com" {
            reader.problem("OPENAI_API_KEY is missing: api.openai.com needs one (--openai-api-key)")
        }
    }

    package func embedder(_ services: Services, requests: Int) -> OpenAIEmbedder {
        OpenAIEmbedder(
            provider,
            http: services.http,
            retrying: Retrying(
                policy: OpenAIEmbedder.policy,
                time: services.time,
                observe: services.metrics.observer("embeddings")
            ),
            limiter: RateLimiter(maximumInFlight: requests, time: services.time),
            log: services.log
        )
    }
}
