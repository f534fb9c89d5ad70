import AsyncPrimitives
import ExtractionWire
import Glibc
import Observability
import Resilience

/// One thread and the child it talks to, one document after the other. The thread lives as long as the pool: a child is killed by the
/// kernel when the thread that started it ends.
///
/// Unchecked: `process` belongs to the thread.
final class ExtractorLane: @unchecked Sendable {
    final class Job: Sendable {
        let object: StoredObject
        let hints: ExtractionHints
        let tenant: String
        let promise = Promise<ExtractedDocument>()
        private let state = LockedValue((isCancelled: false, isSlow: false, child: pid_t?.none))

        init(object: StoredObject, hints: ExtractionHints, tenant: String) {
            self.object = object
            self.hints = hints
            self.tenant = tenant
        }

        var isCancelled: Bool { state.withLock { $0.isCancelled } }

        /// It took longer than documents usually do, and is begun again as a slow one.
        var isSlow: Bool {
            get { state.withLock { $0.isSlow } }
            set { state.withLock { $0.isSlow = newValue } }
        }

        /// The caller was cancelled: a child that works on it is killed, so that the lane is free for the next job.
        func cancel() {
            state.withLock { state in
                state.isCancelled = true
                if let child = state.child { kill(child, SIGKILL) }
            }
        }

        /// Runs `body` while a cancellation kills `child`; the child is not reaped before `body` ends, so that its process id is not reused.
        func running<Value>(_ child: pid_t, _ body: () -> Value) -> Value {
            state.withLock { state in
                state.child = child
                if state.isCancelled { kill(child, SIGKILL) }
            }
            defer { state.withLock { $0.child = nil } }
            return body()
        }
    }

    private let settings: ExtractorPool.Settings
    private let jobs: ExtractionQueue
    private let metrics: Metrics
    private var process: ExtractorProcess?

    init(_ settings: ExtractorPool.Settings, jobs: ExtractionQueue, _ metrics: Metrics) {
        self.metrics = metrics
        self.settings = settings
        self.jobs = jobs
    }

    func start() {
        DetachedThread.start { self.serve() }
    }

    private func serve() {
        while let job = jobs.take() {
            let wasSlow = job.isSlow
            do throws(Failure) {
                if let document = try extract(job) {
                    job.promise.fulfil(.success(document))
                } else {
                    job.isSlow = true
                    jobs.put(job)
                }
            } catch {
                if case .document(let rejection) = error {
                    job.promise.fulfil(.failure(rejection))
                } else {
                    job.promise.fulfil(.failure(error))
                }
            }
            jobs.finish(job, wasSlow: wasSlow)
        }
        if let process { _ = process.end(killing: false) }
    }

    private enum Attempt {
        case done(ExtractedDocument)
        case tooSlow
        /// The child ended, or did something else that no child does. One that read documents before may have been taken over by them.
        case failed(Failure)
        /// As `failed`; others end a child like this, too: the kernel where memory is short.
        case killed(Failure)
    }

    /// What only happens in a child that has read other documents says nothing of this one: a fresh child decides.
    ///
    /// - Returns: nil where the document is to be begun again among the slow ones, with all the time that a document has.
    private func extract(_ job: Job) throws(Failure) -> ExtractedDocument? {
        var mayRetry = true
        while true {
            let process = try running()
            let isFresh = process.documents == 0
            switch try attempt(job, process) {
            case .done(let document): return document
            case .failed where job.isCancelled, .killed where job.isCancelled: throw .transient("the job was cancelled")
            case .killed where mayRetry, .failed where mayRetry && !isFresh,
                .tooSlow where mayRetry && !isFresh && !job.isCancelled:
                mayRetry = false
            case .failed(let failure), .killed(let failure): throw failure
            case .tooSlow where isLast(job):
                throw .document(
                    Rejection(
                        .timeout,
                        "extraction took longer than \(Int(settings.deadline.seconds)) s (\(deadlineName))"
                    )
                )
            case .tooSlow: return nil
            }
        }
    }

    private func isLast(_ job: Job) -> Bool { job.isSlow || settings.quickDeadline >= settings.deadline }

    private func attempt(_ job: Job, _ process: ExtractorProcess) throws(Failure) -> Attempt {
        let deadline = isLast(job) ? settings.deadline : settings.quickDeadline
        let request = ExtractionRequest.extract(hints: job.hints, limits: settings.limits)
        // What the child wrote after its last reply is not about this document.
        _ = process.takeErrors()
        let reply: Result<ExtractionReply?, FrameChannel.Failure> = job.running(process.pid) {
            Result { () throws(FrameChannel.Failure) in
                try process.send(request, with: job.object.file.readable, deadline: .now + deadline)
            }
        }
        switch reply {
        case .success(let reply): return try attempt(reply, process)
        case .failure(.timedOut):
            _ = stop(killing: true)
            if !job.isCancelled { metrics.count(.extractorEnds, "timeout") }
            return .tooSlow
        case .failure(.tooLong):
            _ = stop(killing: true)
            let detail = "the document's text and structure are larger than a reply may be"
            return .failed(.document(Rejection(.outputLimit, detail)))
        case .failure:
            let errors = process.takeErrors()
            let end = stop(killing: false)
            let failure = failure(end, errors)
            if !job.isCancelled { metrics.count(.extractorEnds, end == .signalled(SIGKILL) ? "memory" : "crash") }
            return end == .signalled(SIGKILL) ? .killed(failure) : .failed(failure)
        }
    }

    private func attempt(_ reply: ExtractionReply?, _ process: ExtractorProcess) throws(Failure) -> Attempt {
        defer {
            if process.documents >= settings.documentsPerProcess || process.residentBytes > settings.recycleAboveBytes {
                _ = stop(killing: false)
            }
        }
        // poppler leaves out what it has no memory for, and says so here alone.
        if Self.isOutOfMemory(process.takeErrors()) {
            _ = stop(killing: true)
            metrics.count(.extractorEnds, "memory")
            return .failed(.document(memoryRejection))
        }
        switch reply {
        case .document(let document): return .done(document)
        case .rejection(let rejection): throw .document(rejection)
        case .probed, nil:
            _ = stop(killing: true)
            return .failed(.document(Rejection(.crash, "invalid response from document-extractor for this document")))
        }
    }

    private func failure(_ end: ExtractorProcess.End, _ errors: String) -> Failure {
        if Self.isOutOfMemory(errors) || end == .signalled(SIGKILL) { return .document(memoryRejection) }
        // The codes of a program that cannot start may come from one that a document has taken over: a fresh child decides.
        if end.startFailure(settings.process) != nil {
            do throws(Failure) { try ExtractorPool.probe(settings) } catch { return error }
        }
        switch end {
        case .signalled(SIGTERM), .signalled(SIGINT), .signalled(SIGHUP):
            return .transient("\(settings.path) was stopped from outside")
        case .signalled(let signal): return .document(Rejection(.crash, "the parser crashed with signal \(signal)"))
        case .exited(let code): return .document(Rejection(.crash, "the parser ended with exit code \(code)"))
        }
    }

    private static func isOutOfMemory(_ errors: String) -> Bool {
        errors.contains("Out of memory") || errors.contains("bad_alloc")
    }

    private var deadlineName: String { settings.ocrLanguages == nil ? "EXTRACT_SECONDS" : "OCR_SECONDS" }

    private var memoryRejection: Rejection {
        Rejection(.memory, "extraction needs more than \(settings.memoryBytes >> 20) MB of memory (EXTRACT_MEMORY_MB)")
    }

    private func running() throws(Failure) -> ExtractorProcess {
        // One that has ended, or has sent more than a reply, is not used again.
        if let process, !process.hasUnreadBytes { return process }
        _ = stop(killing: true)
        let started = try ExtractorProcess(settings.process)
        process = started
        return started
    }

    private func stop(killing: Bool) -> ExtractorProcess.End {
        defer { process = nil }
        return process?.end(killing: killing) ?? .exited(0)
    }
}
