import AsyncPrimitives
import Foundation
import HTTPTransport
import IngestCore
import IngestTestKit
import Resilience
import Testing

@Suite struct CredentialTests {
    let time = VirtualTime()

    private struct Files: FileSystem {
        var byPath: [String: String] = [:]

        func contents(_ path: String) -> [UInt8]? { byPath[path].map { Array($0.utf8) } }
    }

    private func chain(
        _ environment: [String: String],
        config: String? = nil,
        credentials: String? = nil,
        files: [String: String] = [:],
        _ respond: @escaping @Sendable (HTTPRequest, Int) throws -> HTTPResponse = { request, _ in
            throw HTTPError(.unreachable, "\(request.endpoint.origin): connection refused")
        }
    ) -> (any CredentialProvider, ScriptedHTTPClient) {
        let http = ScriptedHTTPClient(respond)
        let paths = ["/home/.aws/config": config, "/home/.aws/credentials": credentials].compactMapValues { $0 }
        let provider = CredentialChain.provider(
            ["HOME": "/home"].merging(environment) { $1 },
            http: http,
            files: Files(byPath: files.merging(paths) { $1 }),
            time: time,
            region: "eu-central-1"
        )
        return (provider, http)
    }

    private func problem(_ provider: any CredentialProvider) async -> String {
        do {
            _ = try await provider.credentials()
            return "none"
        } catch {
            return Failure(error).kind == "fleet" ? Failure(error).summary : "not a fleet fault: \(error)"
        }
    }

    private static func sts(_ key: String, expires: String = "2030-01-01T00:00:00Z") -> HTTPResponse {
        let xml = """
            <AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>\(key)</AccessKeyId>\
            <SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>\(expires)</Expiration>\
            </Credentials></AssumeRoleResult></AssumeRoleResponse>
            """
        return HTTPResponse(status: 200, body: Array(xml.utf8))
    }

    @Test func environmentComesFirstAndHalfOfItIsAnError() async throws {
        let (keys, http) = chain(
            ["AWS_ACCESS_KEY_ID": "E", "AWS_SECRET_ACCESS_KEY": "s", "AWS_PROFILE": "p", "AWS_SESSION_TOKEN": ""],
            config: "[profile p]\naws_access_key_id=P"
        )
        #expect(try await keys.credentials() == Credentials(accessKeyID: "E", secretAccessKey: "s"))
        #expect(http.requests.isEmpty)
        #expect(await problem(chain(["AWS_ACCESS_KEY_ID": "E"]).0).contains("AWS_SECRET_ACCESS_KEY is not"))
        #expect(await problem(chain(["AWS_SECRET_ACCESS_KEY": "s"]).0).contains("AWS_ACCESS_KEY_ID is not"))
        let (profile, _) = chain(
            ["AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_PROFILE": "p"],
            config: "[profile p]\naws_access_key_id=P\naws_secret_access_key=s"
        )
        #expect(try await profile.credentials().accessKeyID == "P", "empty variables count as unset")
    }

    @Test func profilesHaveStaticKeysAndTheCredentialsFileWins() async throws {
        let config = """
            # a comment
            [default]
            region = x
            [profile "two words no"]
            [profile dev]
            aws_access_key_id = CONFIG
            s3 =
              max_concurrent_requests = 20
              aws_access_key_id = NESTED
            aws_secret_access_key = fromConfig ; comment
            [services x]
            aws_access_key_id = OTHER
            """
        let (fromConfig, _) = chain(["AWS_PROFILE": "dev"], config: config)
        #expect(
            try await fromConfig.credentials() == Credentials(accessKeyID: "CONFIG", secretAccessKey: "fromConfig")
        )
        let file = "[dev]\naws_access_key_id=FILE\naws_secret_access_key=a=b#c\naws_session_token=t\n"
        let (fromFile, _) = chain(["AWS_PROFILE": "dev"], config: config, credentials: file)
        #expect(
            try await fromFile.credentials()
                == Credentials(accessKeyID: "FILE", secretAccessKey: "a=b#c", sessionToken: "t")
        )
        let (elsewhere, _) = chain(
            ["AWS_SHARED_CREDENTIALS_FILE": "~/keys"],
            files: ["/home/keys": "[default]\naws_access_key_id=D\naws_secret_access_key=s"]
        )
        #expect(try await elsewhere.credentials().accessKeyID == "D")
    }

    @Test func rolesAreAssumedOverOtherProfiles() async throws {
        let config = """
            [profile base]
            aws_access_key_id = BASE
            aws_secret_access_key = s
            [profile middle]
            role_arn = arn:aws:iam::1:role/middle
            source_profile = base
            [profile top]
            role_arn = arn:aws:iam::1:role/top
            source_profile = middle
            external_id = x y
            role_session_name = me
            duration_seconds = 900
            """
        let (provider, http) = chain(["AWS_PROFILE": "top"], config: config) { _, number in
            Self.sts(number == 1 ? "MIDDLE" : "TOP")
        }
        #expect(try await provider.credentials().accessKeyID == "TOP")
        let bodies = http.requests.map { String(decoding: $0.body, as: UTF8.self) }
        #expect(bodies.count == 2 && bodies[0].contains("role%2Fmiddle") && bodies[1].contains("ExternalId=x%20y"))
        #expect(bodies[1].contains("RoleSessionName=me") && bodies[1].contains("DurationSeconds=900"))
        let signers = http.requests.map { $0.headers.first { $0.name == "authorization" }?.value ?? "" }
        #expect(signers[0].contains("Credential=BASE/") && signers[1].contains("Credential=MIDDLE/"))
        #expect(signers[0].contains("/eu-central-1/sts/") && http.requests[0].endpoint.host.hasPrefix("sts.eu-central"))
    }

    @Test(arguments: [
        ("[profile p]\nsso_session = s\nsso_account_id = 1", "needs a browser"),
        (
            "[profile p]\nrole_arn = r\nsource_profile = q\n[profile q]\nrole_arn = r\nsource_profile = p",
            "circle: p → q → p"
        ),
        ("[profile p]\nrole_arn = r", "neither source_profile nor credential_source"),
        ("[profile p]\nrole_arn = r\ncredential_source = Cloud", "unknown credential_source \"Cloud\""),
        ("[profile p]\nrole_arn = r\ncredential_source = EcsContainer", "no container"),
        ("[profile p]\nrole_arn = r\nsource_profile = nowhere", "profile \"nowhere\" is in neither /home/.aws/config"),
        ("[profile p]\nrole_arn = r\nsource_profile = p\nmfa_serial = arn:mfa", "cannot enter"),
        ("[profile p]\naws_access_key_id = k", "no aws_secret_access_key"),
        ("[profile p]\nregion = x", "names no credentials"),
        ("[profile other]\nregion = x", "profile \"p\" is in neither"),
        ("[profile p]\ncredential_process = exit 3", "ended with 3"),
        ("[profile p]\ncredential_process = echo canary-secret", "printed no credentials"),
    ])
    func wrongProfilesSayWhatIsWrong(_ config: String, _ words: String) async {
        let text = await problem(chain(["AWS_PROFILE": "p"], config: config).0)
        #expect(text.contains(words), "\(text)")
        #expect(!text.contains("canary"))
    }

    @Test func aProcessMayGiveCredentials() async throws {
        let json =
            #"{"Version":1,"AccessKeyId":"P","SecretAccessKey":"s","SessionToken":"t","Expiration":"2030-01-01T00:00:00Z"}"#
        let config = "[default]\ncredential_process = printf '%s' '\(json)'\n"
        let found = try await chain([:], config: config).0.credentials()
        #expect(found.accessKeyID == "P" && found.sessionToken == "t")
        #expect(found.expiration?.iso8601 == "2030-01-01T00:00:00.000Z")
    }

    @Test func containersAreAskedWithTheirToken() async throws {
        let answer = #"{"AccessKeyId":"C","SecretAccessKey":"s","Token":"t","Expiration":"2030-01-01T00:00:00Z"}"#
        let (provider, http) = chain(
            [
                "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.170.23/v1/credentials",
                "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/token",
            ],
            files: ["/token": "bearer\n"]
        ) { _, _ in HTTPResponse(status: 200, body: Array(answer.utf8)) }
        #expect(try await provider.credentials().accessKeyID == "C")
        #expect(http.requests[0].headers.first { $0.name == "authorization" }?.value == "bearer")
        #expect(http.requests[0].bypassesProxy)
        let text = await problem(chain(["AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://example.com/c"]).0)
        #expect(text.contains("over https"))
    }

    @Test func instancesAreAskedByVersionTwo() async throws {
        let now = time.now
        let (provider, http) = chain([:]) { request, _ in
            switch (request.method, request.path) {
            case ("PUT", "/latest/api/token"): return HTTPResponse(status: 200, body: Array("tok".utf8))
            case ("GET", "/latest/meta-data/iam/security-credentials/"):
                return HTTPResponse(status: 200, body: Array("role-1".utf8))
            default:
                // Expired: the service cannot renew it just now.
                let body =
                    #"{"Code":"Success","AccessKeyId":"I","SecretAccessKey":"s","Token":"t","Expiration":"2001-01-01T00:00:00Z"}"#
                return HTTPResponse(status: 200, body: Array(body.utf8))
            }
        }
        let found = try await provider.credentials()
        #expect(found.accessKeyID == "I" && http.requests.count == 3)
        #expect(http.requests[1].headers.first { $0.name == "x-aws-ec2-metadata-token" }?.value == "tok")
        let left = try #require(found.expiration).duration(since: now)
        #expect(left >= .seconds(120) && left <= .seconds(600), "static stability")
        #expect(http.requests.allSatisfy { $0.bypassesProxy && $0.connectTimeout == .seconds(1) })
        #expect(await problem(chain([:]).0).contains("set AWS_ACCESS_KEY_ID"), "no response: no EC2 instance")
        #expect(await problem(chain(["AWS_EC2_METADATA_DISABLED": "true"]).0).contains("set AWS_ACCESS_KEY_ID"))
    }

    /// A place that hands out numbered keys, counts its calls, and can be down.
    private final class Source: CredentialProvider {
        let time: VirtualTime
        let state = LockedValue((calls: 0, isDown: false))

        init(_ time: VirtualTime) { self.time = time }

        func credentials() async throws -> Credentials {
            let (calls, isDown) = state.withLock { state in
                state.calls += 1
                return (state.calls, state.isDown)
            }
            try await time.sleep(for: .milliseconds(100))
            if isDown { throw Failure.transient("down") }
            let expiration = time.now.advanced(by: .seconds(3600))
            return Credentials(accessKeyID: "K\(calls)", secretAccessKey: "s", expiration: expiration)
        }
    }

    @Test func tenThousandCallersCauseOneFetch() async throws {
        let source = Source(time)
        let cached = CachedCredentials(source, time: time)
        let keys = try await time.flowing {
            try await withThrowingTaskGroup(of: String.self) { group in
                for _ in 0..<10_000 { group.addTask { try await cached.credentials().accessKeyID } }
                return try await group.reduce(into: Set<String>()) { $0.insert($1) }
            }
        }
        #expect(keys == ["K1"] && source.state.withLock { $0.calls } == 1)
    }

    @Test func renewalIsAheadAndAFailureIsNeverKept() async throws {
        let source = Source(time)
        let cached = CachedCredentials(source, time: time)
        let time = time
        try await time.flowing {
            #expect(try await cached.credentials().accessKeyID == "K1")
            source.state.withLock { $0.isDown = true }
            try await time.sleep(for: .seconds(3600 - 14 * 60))
            #expect(
                try await cached.credentials().accessKeyID == "K1",
                "inside the advisory time a failure is only noted"
            )
            try await time.sleep(for: .seconds(5 * 60))
            await #expect(throws: Failure.self) { try await cached.credentials() }
            source.state.withLock { $0.isDown = false }
            #expect(try await cached.credentials().accessKeyID == "K4", "the next call asks again")
        }
    }
}
