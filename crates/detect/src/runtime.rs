//! The ONNX Runtime library of this process and the execution providers it can be asked for. What is done
//! with it is in `detector`.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

use ort::environment::Environment;
use ort::ep;
use ort::ep::ExecutionProviderDispatch;
use ort::logging::LogLevel;

use crate::DetectError;

/// ONNX Runtime allows one environment a process, once and for all, so the first one loaded is kept.
static LOADED: Mutex<Option<Runtime>> = Mutex::new(None);

/// The ONNX Runtime library. Cheap to clone: all clones are one, and a second [`Runtime::load`] of the same
/// library gives the first one again.
#[derive(Debug, Clone)]
pub struct Runtime {
    library: Arc<Path>,
    environment: Environment,
}

impl Runtime {
    /// Loads the library (`.wayside/lib/libonnxruntime.so` in a checkout), once a process. Its warnings and
    /// errors go to `tracing`, target `onnxruntime`.
    ///
    /// # Errors
    /// When the file is missing, is no ONNX Runtime of at least the version this build is made for, or
    /// when the process has loaded another library before.
    pub fn load(library: &Path) -> Result<Self, DetectError> {
        let failed = |reason: String| DetectError::Runtime { path: library.to_owned(), reason };
        // A relative path would be looked for beside the executable first; ours is relative to nothing.
        let path = library.canonicalize().map_err(|error| failed(error.to_string()))?;
        let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(runtime) = loaded.as_ref() {
            if *runtime.library == *path {
                return Ok(runtime.clone());
            }
            return Err(DetectError::SecondRuntime { loaded: runtime.library.to_path_buf(), asked: path });
        }
        let environment = ort::init_from(&path)
            .map_err(|error| failed(error.to_string()))?
            .with_name("wayside")
            .with_telemetry(false)
            .with_logger(Arc::new(log))
            .build()
            .map_err(|error| failed(error.to_string()))?;
        environment.set_log_level(LogLevel::Warning);
        let runtime = Self { library: path.into(), environment };
        *loaded = Some(runtime.clone());
        Ok(runtime)
    }

    /// Where it was loaded from.
    #[must_use]
    pub fn library(&self) -> &Path {
        &self.library
    }

    /// Where `scripts/setup` puts the library, under the directory that `.wayside` lies in.
    #[must_use]
    pub fn default_library(home: &Path) -> PathBuf {
        home.join(".wayside/lib/libonnxruntime.so")
    }

    pub(crate) fn environment(&self) -> &Environment {
        &self.environment
    }
}

/// Hands ONNX Runtime's own messages to `tracing`.
fn log(level: LogLevel, category: &str, _id: &str, location: &str, message: &str) {
    match level {
        LogLevel::Verbose | LogLevel::Info => {
            tracing::trace!(target: "onnxruntime", category, location, "{message}");
        }
        LogLevel::Warning => tracing::debug!(target: "onnxruntime", category, location, "{message}"),
        // Whatever fails comes back as an error as well, with the model's name: no need to shout twice.
        LogLevel::Error | LogLevel::Fatal => {
            tracing::warn!(target: "onnxruntime", category, location, "{message}");
        }
    }
}

/// What runs the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Provider {
    /// The processor.
    #[default]
    Cpu,
    /// An NVIDIA card through CUDA and cuDNN.
    Cuda,
    /// An NVIDIA card through TensorRT.
    TensorRt,
}

impl Provider {
    /// All of them.
    pub const ALL: &'static [Self] = &[Self::Cpu, Self::Cuda, Self::TensorRt];

    /// The name used in config.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
            Self::TensorRt => "tensorrt",
        }
    }

    /// What to register. Every one fails when it can't be loaded: a silent fall-back to the processor would
    /// be found out only when cameras start to drop frames.
    pub(crate) fn dispatch(self) -> Option<ExecutionProviderDispatch> {
        match self {
            Self::Cpu => None,
            Self::Cuda => Some(ep::CUDA::default().build().error_on_failure()),
            Self::TensorRt => Some(ep::TensorRT::default().build().error_on_failure()),
        }
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Provider {
    type Err = DetectError;
    fn from_str(s: &str) -> Result<Self, DetectError> {
        Self::ALL.iter().copied().find(|p| p.as_str() == s).ok_or_else(|| DetectError::Option {
            option: "provider",
            value: format!("{s:?}"),
            accepted: "cpu cuda tensorrt",
        })
    }
}
