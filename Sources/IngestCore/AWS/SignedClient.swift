import AsyncPrimitives
import HTTPTransport
import OpenSearch

/// Sends signed requests, and signs again where that can help: after credentials expired, and after a wrong clock was corrected.
package struct SignedClient: Sendable {
    package var signer: SigV4Signer
    package var http: any HTTPClient
    package var credentials: any CredentialProvider
    package var clock: ServerClock
    package var time: any TimeSource

    package init(
        signer: SigV4Signer,
        http: any HTTPClient,
        credentials: any CredentialProvider,
        clock: ServerClock,
        time: any TimeSource
    ) {
        self.signer = signer
        self.http = http
        self.credentials = credentials
        self.clock = clock
        self.time = time
    }

    /// What came back, after at most one repair of each kind.
    package func execute(_ request: HTTPRequest) async throws -> (
        response: HTTPResponse, signatureRejection: SignatureRejection?
    ) {
        var isRenewed = false
        var isClockSet = false
        while true {
            let used = try await credentials.credentials()
            let sent = time.now
            let origin = request.endpoint.origin
            let signed = signer.sign(request, with: used, at: sent.advanced(by: clock.offset(origin)))
            let response = try await http.execute(signed)
            guard let signatureRejection = SignatureRejection(response) else { return (response, nil) }
            switch signatureRejection {
            case .credentials:
                guard !isRenewed, let cached = credentials as? CachedCredentials else {
                    return (response, signatureRejection)
                }
                isRenewed = true
                cached.invalidate(used)
            case .signature, .clock:
                let isWrong = clock.learn(response.headers, from: origin, sent: sent, received: time.now)
                guard isWrong, !isClockSet else { return (response, signatureRejection) }
                isClockSet = true
            }
        }
    }
}

extension SignedClient: RequestSigning {
    package func sendSigned(_ request: HTTPRequest) async throws -> (HTTPResponse, remedy: String?) {
        let (response, rejection) = try await execute(request)
        return (response, rejection?.remedy)
    }
}

/// Why a server did not accept a signature. Services spell it as XML, JSON or a header: the codes are searched everywhere.
package enum SignatureRejection: Equatable, Sendable {
    /// The credentials are expired or unknown to the server; others may be fine.
    case credentials
    /// The signature does not fit: a wrong secret. Over SQS a wrong clock has the same code.
    case signature
    case clock

    private static let codes: [(code: String, signatureRejection: SignatureRejection)] = [
        ("ExpiredToken", .credentials), ("InvalidToken", .credentials), ("InvalidClientTokenId", .credentials),
        ("UnrecognizedClient", .credentials), ("InvalidAccessKeyId", .credentials),
        ("security token included in the request is", .credentials),
        ("RequestTimeTooSkewed", .clock), ("RequestExpired", .clock), ("RequestInTheFuture", .clock),
        ("Signature expired", .clock), ("Signature not yet current", .clock),
        ("InvalidSignature", .signature), ("SignatureDoesNotMatch", .signature), ("AuthFailure", .signature),
        ("request signature we calculated does not match", .signature),
    ]

    package init?(_ response: HTTPResponse) {
        guard [400, 401, 403].contains(response.status) else { return nil }
        let text =
            String(decoding: response.body.prefix(4096), as: UTF8.self)
            + (response.headers["x-amzn-errortype"] ?? "") + (response.headers["x-amzn-query-error"] ?? "")
        guard let found = Self.codes.first(where: { text.contains($0.code) }) else { return nil }
        self = found.signatureRejection
    }

    /// What to do about it, once repair has not helped.
    package var remedy: String {
        switch self {
        case .credentials:
            "the server does not know these credentials, or they have expired: renew AWS_ACCESS_KEY_ID and its session token"
        case .signature: "the secret access key is wrong: the clocks of both sides agree"
        case .clock: "this machine's clock is wrong: set it"
        }
    }
}
