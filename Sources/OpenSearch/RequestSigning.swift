import HTTPTransport

/// Signs and sends requests: a managed domain wants AWS signatures.
package protocol RequestSigning: Sendable {
    /// The response, and where the server did not accept the signature, what an operator can do about it.
    func sendSigned(_ request: HTTPRequest) async throws -> (HTTPResponse, remedy: String?)
}
