//! SiLU, `x / (1 + e^-x)`, also called swish, as an operator of ONNX Runtime's (Elfwing, Uchibe and Doya 2017,
//! <https://arxiv.org/abs/1702.03118>). ONNX Runtime's own kernel divides two polynomials for every value; this one needs no
//! division.

#[cfg(target_arch = "x86_64")]
mod avx512;

use ort::operator::{ComputeContext, Kernel, KernelContext, Operator, OperatorInput, OperatorOutput};
use ort::value::TensorElementType;

use super::rewrite::Named;
use super::tensors;

/// What ONNX Runtime makes of `x · sigmoid(x)`, and ours stands for.
pub(super) const REPLACES: Named =
    Named { op: "QuickGelu", domain: "com.microsoft", attribute: ("alpha", 1.0) };

/// Whether this processor has the instructions that make it faster than ONNX Runtime's.
pub(super) fn is_faster() -> bool {
    #[cfg(target_arch = "x86_64")]
    return avx512::is_there();
    #[cfg(not(target_arch = "x86_64"))]
    false
}

/// The operator: one f32 tensor of any shape in, one of the same shape out.
pub(super) struct Silu;

impl Operator for Silu {
    type Kernel<'attr> = Self;

    fn name(&self) -> &str {
        REPLACES.op
    }

    fn inputs(&self) -> impl IntoIterator<Item = OperatorInput> {
        [OperatorInput::required(TensorElementType::Float32)]
    }

    fn outputs(&self) -> impl IntoIterator<Item = OperatorOutput> {
        [OperatorOutput::required(TensorElementType::Float32)]
    }

    fn create_kernel<'attr>(&self, _: &KernelContext<'attr>) -> ort::Result<Self> {
        Ok(Self)
    }
}

impl Kernel for Silu {
    fn compute(&mut self, context: &ComputeContext) -> ort::Result<()> {
        tensors::through(context, apply)
    }
}

/// SiLU of every value, as far as both are long. What is greater than 1e38 may become no number.
fn apply(from: &[f32], to: &mut [f32]) {
    #[cfg(target_arch = "x86_64")]
    if avx512::apply(from, to) {
        return;
    }
    for (x, y) in from.iter().zip(to) {
        *y = x / (1.0 + (-x).exp());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn exact(x: f32) -> f64 {
        let x = f64::from(x);
        x / (1.0 + (-x).exp())
    }

    /// Compares with f64; `values` of any length, so that the last 15 at most go their own way.
    fn check(values: &[f32]) {
        let mut found = vec![7.0; values.len()];
        apply(values, &mut found);
        for (x, found) in values.iter().zip(&found) {
            let (exact, found) = (exact(*x), f64::from(*found));
            let wrong = (found - exact).abs();
            assert!(wrong <= 1e-9 + exact.abs() * 1e-6, "SiLU of {x} is {exact}, not {found}");
        }
    }

    #[test]
    fn every_order_of_magnitude_is_right() {
        let sizes: Vec<f32> = (-120..=120).map(|power| 2_f32.powf(power as f32 / 3.0)).collect();
        let both: Vec<f32> = sizes.iter().flat_map(|x| [*x, -x]).chain([0.0, f32::MIN_POSITIVE]).collect();
        check(&both);
        let steps: Vec<f32> = (-200_000..200_000).map(|step| step as f32 / 2_000.0).collect();
        check(&steps);
    }

    #[test]
    fn what_is_no_number_stays_none() {
        let mut found = [0.0; 2];
        apply(&[f32::NAN, 1.0], &mut found);
        assert!(found[0].is_nan() && !found[1].is_nan());
    }

    proptest! {
        #[test]
        fn any_length_is_right(values in prop::collection::vec(-90_f32..90.0, 0..70)) {
            check(&values);
        }
    }
}
