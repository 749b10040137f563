//! Kernels of our own inside ONNX Runtime's graphs, where they are faster than its: today [`silu`] alone, the activation of the
//! YOLO family.
//!
//! ONNX Runtime fuses `x · sigmoid(x)` to one operator and lays channels in blocks while it optimises a graph, and only
//! for operators it knows. So it optimises first and writes down what came of it, [`rewrite`] puts our operator's domain in the
//! place of its own, and that graph is opened as it stands. The results differ by rounding only.

mod rewrite;
mod silu;
mod tensors;

use std::sync::{Mutex, PoisonError};

use ort::operator::OperatorDomain;
use ort::session::Session;
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};

/// The domain of our operators: as long as the one it stands for, see [`rewrite::rename`].
const DOMAIN: &str = "wayside.graph";

/// A graph as ONNX Runtime has optimised it for this processor, kept for the other workers that open it too: most of what opening
/// takes is optimising. Each waits for the first.
#[derive(Debug, Default)]
pub(crate) struct Kept(Mutex<Option<Vec<u8>>>);

/// Opens a graph with our kernels in it. `builder` makes equal, fully optimising sessions on the processor with one thread; `kept` is
/// of this graph alone.
/// `None` where none of our kernels has a place or would be faster.
///
/// # Errors
/// What ONNX Runtime says of the graph, or that the optimised graph could not be written down, for want of room perhaps: the graph
/// may run all the same without our kernels.
pub(crate) fn open(
    builder: &dyn Fn() -> ort::Result<SessionBuilder>,
    graph: &[u8],
    kept: &Kept,
) -> ort::Result<Option<Session>> {
    if !silu::is_faster() {
        return Ok(None);
    }
    let mut kept = kept.0.lock().unwrap_or_else(PoisonError::into_inner);
    let optimised = match &*kept {
        Some(optimised) => optimised,
        None => match optimise(builder()?, graph)? {
            Some(optimised) => kept.insert(optimised),
            None => return Ok(None),
        },
    };
    let domain = OperatorDomain::new(DOMAIN)?.add(silu::Silu)?;
    let session = builder()?
        .with_optimization_level(GraphOptimizationLevel::Disable)?
        .with_operators(domain)?
        .commit_from_memory(optimised)?;
    Ok(Some(session))
}

/// The graph as ONNX Runtime runs it on this processor, with our operators' domain; `None` if none of them has a place in it.
fn optimise(builder: SessionBuilder, graph: &[u8]) -> ort::Result<Option<Vec<u8>>> {
    let io = |error: std::io::Error| ort::Error::new(format!("the optimised graph: {error}"));
    let dir = tempfile::tempdir().map_err(io)?;
    let file = dir.path().join("optimised.onnx");
    drop(builder.with_optimized_model_path(&file)?.commit_from_memory(graph)?);
    let mut optimised = match std::fs::read(&file) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io(error)),
    };
    Ok((rewrite::rename(&mut optimised, silu::REPLACES, DOMAIN) > 0).then_some(optimised))
}

#[cfg(test)]
mod tests {
    use ort::value::TensorRef;

    use super::*;
    use crate::Runtime;
    use crate::testing::onnx::{FLOAT, Graph};
    use crate::testing::runtime;

    /// A convolution from 3 to 16 channels on any number of pictures of 8 × 8, and SiLU after it if wanted.
    fn graph(with_silu: bool) -> Vec<u8> {
        let weights: Vec<f32> = (0..16 * 3 * 9).map(|i| (i * 37 % 101) as f32 / 50.0 - 1.0).collect();
        let graph = Graph::default()
            .input("images", FLOAT, &[-1, 3, 8, 8])
            .output("out", FLOAT, &[-1, 16, 6, 6])
            .floats("weights", &[16, 3, 3, 3], &weights);
        let convolution = |to| ("Conv", ["images", "weights"], to, [("kernel_shape", &[3_i64, 3][..])]);
        if !with_silu {
            let (op, from, to, ints) = convolution("out");
            return graph.node(op, &from, to, &ints).bytes();
        }
        let (op, from, to, ints) = convolution("conv");
        graph
            .node(op, &from, to, &ints)
            .node("Sigmoid", &["conv"], "sigmoid", &[])
            .node("Mul", &["conv", "sigmoid"], "out", &[])
            .bytes()
    }

    fn builder(runtime: &Runtime) -> ort::Result<SessionBuilder> {
        Ok(Session::builder(runtime.environment())?
            .with_optimization_level(GraphOptimizationLevel::All)?
            .with_intra_threads(1)?)
    }

    /// The output for two pictures of noise.
    fn run(session: &mut Session) -> Vec<f32> {
        let noise: Vec<f32> = (0..2 * 3 * 64).map(|i| (i * 7919 % 509) as f32 / 100.0 - 2.5).collect();
        let pictures = TensorRef::from_array_view(([2, 3, 8, 8], &noise[..])).unwrap();
        let outputs = session.run(ort::inputs![pictures]).unwrap();
        outputs[0].try_extract_tensor::<f32>().unwrap().1.to_vec()
    }

    #[test]
    fn a_graph_gives_the_same_with_our_kernels() {
        let Some(runtime) = runtime() else { return };
        let bytes = graph(true);
        let kept = Kept::default();
        let own = open(&|| builder(&runtime), &bytes, &kept).unwrap();
        assert_eq!(own.is_some(), silu::is_faster());
        let Some(mut own) = own else { return };
        // Whoever opens it next needs only what is kept.
        let mut again = open(&|| builder(&runtime), b"not looked at", &kept).unwrap().unwrap();
        assert_eq!(run(&mut again), run(&mut own));
        let mut plain = builder(&runtime).unwrap().commit_from_memory(&bytes).unwrap();
        let (own, plain) = (run(&mut own), run(&mut plain));
        assert!(own.iter().any(|y| *y < -0.1) && own.iter().any(|y| *y > 5.0), "it has something to do");
        for (own, plain) in own.iter().zip(&plain) {
            assert!((own - plain).abs() <= 2e-6 * plain.abs().max(1.0), "{own} for {plain}");
        }
    }

    #[test]
    fn a_graph_without_their_place_is_left_alone() {
        let Some(runtime) = runtime() else { return };
        assert!(open(&|| builder(&runtime), &graph(false), &Kept::default()).unwrap().is_none());
        if silu::is_faster() {
            assert!(open(&|| builder(&runtime), b"no graph at all", &Kept::default()).is_err());
        }
    }
}
