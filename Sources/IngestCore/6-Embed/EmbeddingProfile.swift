import AsyncPrimitives
import Resilience

/// What an embeddings server takes, learned from a few harmless words.
package struct EmbeddingProfile: Equatable, Sendable, CustomStringConvertible {
    /// vLLM refuses `dimensions` for models without Matryoshka training, Mistral for all.
    package var sendsDimensions: Bool
    /// Some servers know floats only.
    package var sendsBase64: Bool
    /// 1 where several texts in a request are refused or come back in another order; otherwise no limit is known.
    package var maximumInputs: Int

    package init(sendsDimensions: Bool = true, sendsBase64: Bool = true, maximumInputs: Int = .max) {
        self.sendsDimensions = sendsDimensions
        self.sendsBase64 = sendsBase64
        self.maximumInputs = maximumInputs
    }

    package var description: String {
        let parts = [
            sendsDimensions ? "dimensions" : "no dimensions parameter", sendsBase64 ? "base64" : "floats",
            maximumInputs == .max ? "batches" : "\(maximumInputs) text a request",
        ]
        return parts.joined(separator: ", ")
    }

    typealias Request = ([EmbeddingInput], EmbeddingProfile) async throws -> [Result<Embedding, EmbeddingError>]

    private static let words = ["probe", "lighthouse"].map { EmbeddingInput(text: $0, tokens: 2) }

    /// Tries parameters until one combination is taken.
    ///
    /// - Throws: the first refusal where all are refused, or what has nothing to do with parameters: a wrong key, no connection.
    static func learn(_ shapes: [EmbeddingProfile], _ request: Request) async throws -> EmbeddingProfile {
        var first: (any Error)?
        for shape in shapes {
            do {
                let vector = try await request([words[0]], shape)[0].get().vector
                return shape.maximumInputs == 1 ? shape : try await withBatches(shape, vector, request)
            } catch let error as EmbeddingError where isRefusal(error) {
                first = first ?? error
            } catch Failure.fleet(let text, let dependency) {
                // Vectors of another size: without the parameter the model's own size may be the right one.
                first = first ?? Failure.fleet(text, of: dependency)
            }
        }
        throw first ?? Failure.fleet("the embeddings provider takes no request", of: .provider)
    }

    /// The request was read and not taken: other parameters may be.
    static func isRefusal(_ error: EmbeddingError) -> Bool {
        [400, 405, 406, 415, 422, 501].contains(error.status) || error.isUnusableAnswer || error.status == 500
    }

    /// Whether two texts in a request come back in their order.
    private static func withBatches(_ shape: EmbeddingProfile, _ vector: [Float], _ request: Request) async throws
        -> EmbeddingProfile
    {
        var shape = shape
        do {
            let both = try await request(words, shape)
            let product = zip(try both[0].get().vector, vector).reduce(Double(0)) { $0 + Double($1.0) * Double($1.1) }
            if product < 0.99 { shape.maximumInputs = 1 }
        } catch let error as EmbeddingError where isRefusal(error) || error.status == 413 {
            shape.maximumInputs = 1
        }
        return shape
    }
}

/// The largest request that a server finishes: halved when one is too large or too slow, and tried larger again after a while.
final class RequestLimits: Sendable {
    private struct State {
        var inputs = Int.max
        var tokens = Int.max
        var successes = 0
    }

    private let state = LockedValue(State())
    /// After so many requests at the limit a larger one is tried.
    private static let successesToGrow = 64

    func allow(inputs: Int) { state.withLock { $0.inputs = min($0.inputs, inputs) } }

    func failed(_ inputs: [EmbeddingInput]) {
        state.withLock { state in
            state.inputs = min(state.inputs, max(1, inputs.count / 2))
            state.tokens = min(state.tokens, max(1, inputs.reduce(0) { $0 + $1.tokens } / 2))
            state.successes = 0
        }
    }

    func passed(_ inputs: [EmbeddingInput]) {
        state.withLock { state in
            guard state.tokens < .max, inputs.count > 1 else { return }
            state.successes += 1
            guard state.successes >= Self.successesToGrow else { return }
            state.successes = 0
            state.inputs += max(1, state.inputs / 4)
            state.tokens += max(1, state.tokens / 4)
        }
    }

    /// The inputs in requests of the size that passes.
    func parts(of inputs: [EmbeddingInput], tokens limit: Int) -> [[EmbeddingInput]] {
        let (maximum, most) = state.withLock { ($0.inputs, min($0.tokens, limit)) }
        var parts: [[EmbeddingInput]] = []
        var tokens = 0
        for input in inputs {
            if let last = parts.last, last.count < maximum, tokens + input.tokens <= most {
                parts[parts.count - 1].append(input)
                tokens += input.tokens
            } else {
                parts.append([input])
                tokens = input.tokens
            }
        }
        return parts
    }
}
