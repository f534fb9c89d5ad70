import AsyncPrimitives
import Foundation
import HTTPTransport
import IngestCore
import IngestTestKit
import Testing
import TextCoding

/// The signing test suites as their owners publish them: canonical request, string to sign and signature, compared as wholes.
@Suite struct SigV4Tests {
    struct Vector: Sendable, CustomTestStringConvertible {
        var name: String
        var request: HTTPRequest
        var credentials: Credentials
        var signer: SigV4Signer
        var time: Timestamp
        var omitsToken = false
        var canonical: String
        var toSign: String
        var signature: String

        var testDescription: String { name }
    }

    @Test("aws-c-auth: 38 cases", .enabled(if: SharedFolder.isPresent, "the folder with published vectors is not here"))
    func awsCAuth() throws {
        let folder = try #require(SharedFolder.url).appendingPathComponent("vectors/sigv4/aws-c-auth")
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0 != "LICENSE" }.sorted()
        #expect(names.count == 38)
        for name in names {
            let vector = try Self.cauth(folder.appendingPathComponent(name))
            Self.check(vector)
        }
    }

    @Test("botocore: 34 cases", .enabled(if: SharedFolder.isPresent, "the folder with published vectors is not here"))
    func botocore() throws {
        let folder = try #require(SharedFolder.url).appendingPathComponent("vectors/sigv4/botocore")
        let files = try #require(FileManager.default.enumerator(atPath: folder.path)).compactMap { $0 as? String }
        let cases = files.filter { $0.hasSuffix(".req") }.map { String($0.dropLast(4)) }.sorted()
        #expect(cases.count == 34)
        for name in cases { Self.check(try Self.boto(folder, name)) }
    }

    private static func check(_ vector: Vector) {
        var request = vector.request
        if let token = vector.credentials.sessionToken, !vector.omitsToken {
            request.headers.append(("x-amz-security-token", token))
        }
        let hash = Hex.string(Digest.sha256(request.body))
        if vector.signer.addsContentHash { request.headers.append(("x-amz-content-sha256", hash)) }
        let canonical = vector.signer.canonicalRequest(request, payloadHash: hash)
        #expect(canonical == vector.canonical, "\(vector.name): canonical request")
        let toSign = vector.signer.stringToSign(canonical, at: vector.time)
        #expect(toSign == vector.toSign, "\(vector.name): string to sign")
        #expect(
            vector.signer.signature(toSign, vector.credentials, at: vector.time) == vector.signature,
            "\(vector.name): signature"
        )
    }

    private struct Context: Decodable {
        struct Keys: Decodable {
            var access_key_id: String
            var secret_access_key: String
            var token: String?
        }
        var credentials: Keys
        var normalize: Bool
        var region: String
        var service: String
        var sign_body: Bool
        var timestamp: String
        var omit_session_token: Bool?
    }

    private static func cauth(_ folder: URL) throws -> Vector {
        func text(_ name: String) throws -> String {
            try String(contentsOf: folder.appendingPathComponent(name), encoding: .utf8)
        }
        let context = try JSONDecoder().decode(
            Context.self,
            from: Data(contentsOf: folder.appendingPathComponent("context.json"))
        )
        var request = parse(try text("request.txt"))
        let time = try #require(Timestamp(iso8601: context.timestamp))
        request.headers.removeAll { $0.name.lowercased() == "x-amz-date" }
        request.headers.append(("x-amz-date", time.basic))
        return Vector(
            name: folder.lastPathComponent,
            request: request,
            credentials: Credentials(
                accessKeyID: context.credentials.access_key_id,
                secretAccessKey: context.credentials.secret_access_key,
                sessionToken: context.credentials.token
            ),
            signer: SigV4Signer(
                service: context.service,
                region: context.region,
                normalizesPath: context.normalize,
                encodesPath: true,
                addsContentHash: context.sign_body
            ),
            time: time,
            omitsToken: context.omit_session_token ?? false,
            canonical: try text("header-canonical-request.txt"),
            toSign: try text("header-string-to-sign.txt"),
            signature: String(try text("header-signature.txt").trimmed)
        )
    }

    private static func boto(_ folder: URL, _ name: String) throws -> Vector {
        func text(_ suffix: String) throws -> String {
            try String(contentsOf: folder.appendingPathComponent("\(name).\(suffix)"), encoding: .utf8).replacing(
                "\r\n",
                with: "\n"
            )
        }
        let authorization = try text("authz")
        let signature = try #require(authorization.split(separator: "Signature=").last)
        let request = parse(try text("req"))
        // Without the token the request is the plain one; the signed request has it.
        let inRequest = request.headers.contains { $0.name.lowercased() == "x-amz-security-token" }
        let token = parse(try text("sreq")).headers.first { $0.name.lowercased() == "x-amz-security-token" }.map {
            String($0.value.trimmed)
        }
        var vector = Vector(
            name: name,
            request: request,
            credentials: Credentials(
                accessKeyID: "AKIDEXAMPLE",
                secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
                sessionToken: token
            ),
            signer: SigV4Signer(service: "service", region: "us-east-1", addsContentHash: false),
            time: try #require(Timestamp(iso8601: "2015-08-30T12:36:00Z")),
            canonical: try text("creq"),
            toSign: try text("sts"),
            signature: String(signature.trimmed)
        )
        vector.omitsToken = inRequest || !vector.canonical.contains("x-amz-security-token")
        return vector
    }

    /// `METHOD target HTTP/1.1`, headers with folded lines, an empty line, the body.
    private static func parse(_ text: String) -> HTTPRequest {
        let parts = text.replacing("\r\n", with: "\n").split(
            separator: "\n\n",
            maxSplits: 1,
            omittingEmptySubsequences: false
        )
        var lines = parts[0].split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        let first = lines.removeFirst()
        let method = String(first.prefix { $0 != " " })
        var target = first.dropFirst(method.count + 1)
        if let version = target.range(of: " HTTP/", options: .backwards) { target = target[..<version.lowerBound] }
        let pieces = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        var headers: [(name: String, value: String)] = []
        for line in lines where !line.isEmpty {
            if line.first == " " || line.first == "\t", !headers.isEmpty {
                headers[headers.count - 1].value += "\n" + line
            } else if let colon = line.firstIndex(of: ":") {
                headers.append((String(line[..<colon]), String(line[line.index(after: colon)...])))
            }
        }
        var query: [(name: String, value: String)] = []
        for item in pieces.count > 1 ? pieces[1].split(separator: "&") : [] {
            let pair = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map {
                PercentEncoding.decode(String($0)) ?? ""
            }
            query.append((pair[0], pair.count > 1 ? pair[1] : ""))
        }
        var request = HTTPRequest(
            method,
            Endpoint(isSecure: true, host: "example.amazonaws.com"),
            path: pieces[0],
            query: query,
            headers: headers
        )
        if parts.count > 1 { request.body = Array(parts[1].utf8) }
        return request
    }

    @Test func signingAgainReplacesWhatAnEarlierAttemptAdded() {
        let signer = SigV4Signer(service: "s3", region: "eu-west-1")
        let endpoint = Endpoint(isSecure: false, host: "127.0.0.1", port: 4566)
        let request = HTTPRequest("GET", endpoint, path: "/bucket/a%20b/../%2F")
        let credentials = Credentials(accessKeyID: "A", secretAccessKey: "s", sessionToken: "t")
        let once = signer.sign(request, with: credentials, at: Timestamp(milliseconds: 0))
        let twice = signer.sign(once, with: credentials, at: Timestamp(milliseconds: 0))
        #expect(once.headers.map(\.name).sorted() == twice.headers.map(\.name).sorted())
        #expect(once.headers.first { $0.name == "host" }?.value == "127.0.0.1:4566")
        #expect(signer.canonicalRequest(once, payloadHash: "").contains("\n/bucket/a%20b/../%2F\n"))
        #expect(
            "\(credentials)".contains("s") == false || !"\(credentials)".contains(credentials.secretAccessKey + ",")
        )
    }
}
