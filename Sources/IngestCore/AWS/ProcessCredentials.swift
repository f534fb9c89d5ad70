import AsyncPrimitives
import FoundationEssentials
import Glibc

/// `credential_process` of a profile: a command of the user's, which prints credentials as JSON (AWS SDKs guide, "Process credential provider").
struct ProcessCredentials: CredentialProvider {
    var command: String
    var profile: String
    var time: any TimeSource

    private static let retryBudget = Duration.seconds(60)

    private struct ResponseBody: Decodable {
        var Version: Int
        var AccessKeyId: String
        var SecretAccessKey: String
        var SessionToken: String?
        var Expiration: String?
    }

    func credentials() async throws -> Credentials {
        let (output, status) = try await run()
        // Neither command nor output is reported: both may hold secrets.
        guard status == 0 else {
            throw CredentialError("credential_process of profile \"\(profile)\" ended with \(status)")
        }
        guard let parsed = try? JSONDecoder().decode(ResponseBody.self, from: Data(output)), parsed.Version == 1 else {
            throw CredentialError("credential_process of profile \"\(profile)\" printed no credentials of version 1")
        }
        return Credentials(
            accessKeyID: parsed.AccessKeyId,
            secretAccessKey: parsed.SecretAccessKey,
            sessionToken: parsed.SessionToken,
            expiration: parsed.Expiration.flatMap(Timestamp.init(iso8601:))
        )
    }

    /// On a thread of its own: the command may take its time.
    private func run() async throws -> (output: [UInt8], status: Int32) {
        let promise = Promise<(output: [UInt8], status: Int32)>()
        let command = command
        DetachedThread.start {
            guard let stream = popen(command, "re") else { return promise.fulfil(.success(([], -1))) }
            var output: [UInt8] = []
            var buffer = [UInt8](repeating: 0, count: 4096)
            while case let count = fread(&buffer, 1, buffer.count, stream), count > 0, output.count < 65_536 {
                output += buffer[..<count]
            }
            let status = pclose(stream)
            promise.fulfil(.success((output, status & 0x7F == 0 ? status >> 8 & 0xFF : -1)))
        }
        let profile = profile
        return try await withThrowingTaskGroup(of: (output: [UInt8], status: Int32).self) { group in
            group.addTask { try await promise.value() }
            group.addTask {
                try await time.sleep(for: Self.retryBudget)
                throw CredentialError(
                    "credential_process of profile \"\(profile)\" did not end within \(Self.retryBudget)"
                )
            }
            defer { group.cancelAll() }
            return try await group.next()!
        }
    }
}
