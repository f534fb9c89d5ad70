import AsyncPrimitives
import ExtractionWire
import Observability
import Resilience

/// `Extractor` over a fixed number of sandboxed children.
package final class ExtractorPool: Extractor {
    package struct Settings: Sendable {
        /// The program `document-extractor`, or `document-ocr`.
        package var path: String
        /// Languages for `document-ocr`, nil for `document-extractor`.
        package var ocrLanguages: String?
        package var children: Int
        /// Address space of a child.
        package var memoryBytes: Int
        /// Wall time for one document.
        package var deadline: Duration
        package var limits: ExtractionLimits
        package var isSandboxed: Bool
        /// What nearly all documents need less than; one that needs more is begun again among the slow ones.
        var quickDeadline: Duration { min(deadline, max(.seconds(1), min(.seconds(10), deadline / 4))) }
        package var documentsPerProcess: Int
        package var recycleAboveBytes = 256 << 20

        package init(
            path: String,
            ocrLanguages: String? = nil,
            children: Int,
            memoryBytes: Int,
            deadline: Duration,
            limits: ExtractionLimits,
            isSandboxed: Bool,
            documentsPerProcess: Int = 1000
        ) {
            self.path = path
            self.ocrLanguages = ocrLanguages
            self.children = children
            self.memoryBytes = memoryBytes
            self.deadline = deadline
            self.limits = limits
            self.isSandboxed = isSandboxed
            self.documentsPerProcess = documentsPerProcess
        }

        var process: ExtractorProcess.Settings {
            let languages = ocrLanguages.map { ["--languages", $0] } ?? []
            return .init(path: path, arguments: languages, memoryBytes: memoryBytes, isSandboxed: isSandboxed)
        }
    }

    private let settings: Settings
    private let jobs: ExtractionQueue
    private let time: any TimeSource
    /// How often a document that waits looks whether slow ones hold it up.
    private static let lookInterval = Duration.seconds(3)

    /// One lane more than children: a tenant has all but one at most, and the last is another's. Its child is started when it is needed.
    package init(_ settings: Settings, time: any TimeSource = SystemTime(), metrics: Metrics = Metrics()) {
        self.settings = settings
        self.time = time
        jobs = ExtractionQueue(lanes: settings.children + 1, time: time)
        for _ in 0...settings.children { ExtractorLane(settings, jobs: jobs, metrics).start() }
    }

    deinit { jobs.close() }

    package func extract(_ object: StoredObject, hints: ExtractionHints, tenant: String) async throws
        -> ExtractedDocument
    {
        let job = ExtractorLane.Job(object: object, hints: hints, tenant: tenant)
        jobs.put(job)
        return try await withTaskCancellationHandler {
            try await withThrowingTaskGroup(of: Void.self) { [jobs, time] group in
                group.addTask {
                    while true {
                        try await time.sleep(for: Self.lookInterval)
                        if jobs.withdraw(job) { job.promise.fulfil(.failure(ExtractorBusy())) }
                    }
                }
                defer { group.cancelAll() }
                return try await job.promise.value()
            }
        } onCancel: {
            job.cancel()
        }
    }

    package func isBusy(for tenant: String) -> Bool { jobs.isBusy(tenant) }

    /// Proves on a child of its own that the sandbox holds: no socket, no file to write, no other program.
    ///
    /// - Returns: the kernel's Landlock version, 0 where it has none. Throws a fleet failure where anything was possible.
    package func probe() throws(Failure) -> Int { try Self.probe(settings) }

    /// - Throws: `Failure.fleet` where no child can do its work, whatever the document.
    @discardableResult
    package static func probe(_ settings: Settings) throws(Failure) -> Int {
        let process = try ExtractorProcess(settings.process)
        let reply = try? process.send(.probe, with: nil, deadline: .now + .seconds(10))
        let end = process.end(killing: false)
        guard case .probed(let possible, let landlock) = reply else {
            if let failure = end.startFailure(settings.process) { throw failure }
            throw .fleet(
                "no response from \(settings.path) (\(end)): is it of the same version, and does the container allow seccomp?"
            )
        }
        guard possible == 0 || !settings.isSandboxed else {
            let names = ["a socket", "a file to write", "another program", "a new process"].enumerated()
            let holes = names.filter { possible >> $0.offset & 1 == 1 }.map(\.element).joined(separator: ", ")
            throw .fleet(
                "the sandbox check of \(settings.path) failed (\(holes)): refusing to start; --unsafe-no-sandbox runs without one"
            )
        }
        return landlock
    }
}
