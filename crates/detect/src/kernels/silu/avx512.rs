//! SiLU for processors with AVX-512, 16 values at a time.

use std::arch::x86_64::{
    __m512, _mm512_add_ps, _mm512_fmadd_ps, _mm512_fnmadd_ps, _mm512_loadu_ps, _mm512_min_ps, _mm512_mul_ps,
    _mm512_rcp14_ps, _mm512_roundscale_ps, _mm512_scalef_ps, _mm512_set1_ps, _mm512_storeu_ps, _mm512_sub_ps,
};

/// 2^x for x from -0.5 to 0.5: coefficients of a polynomial fitted at Chebyshev nodes, the highest power first. Wrong by
/// at most 1.1e-7 of the value, which is what rounding to f32 costs.
const POWER_OF_TWO: [f32; 6] =
    [0.001_340_043_3, 0.009_676_037, 0.055_503_27, 0.240_221_07, std::f32::consts::LN_2, 1.000_000_1];
/// Above it 2^x is nearly too large for f32, and SiLU of what leads there is 0 but for less than 1e-35.
const LARGEST_POWER: f32 = 125.0;

/// Whether this processor has AVX-512.
pub(super) fn is_there() -> bool {
    is_x86_feature_detected!("avx512f")
}

/// SiLU of every value, as far as both are long; `false`, and nothing done, without AVX-512.
pub(super) fn apply(from: &[f32], to: &mut [f32]) -> bool {
    let there = is_there();
    if there {
        #[expect(unsafe_code, reason = "the processor was found to have what the function is compiled for")]
        unsafe {
            all(from, to);
        }
    }
    there
}

#[target_feature(enable = "avx512f")]
fn all(from: &[f32], to: &mut [f32]) {
    let length = from.len().min(to.len());
    let (from, last_from) = from.split_at(length).0.as_chunks::<16>();
    let (to, last_to) = to.split_at_mut(length).0.as_chunks_mut::<16>();
    for (from, to) in from.iter().zip(to) {
        one(from, to);
    }
    let (mut padded, mut done) = ([0.0; 16], [0.0; 16]);
    padded.iter_mut().zip(last_from).for_each(|(to, value)| *to = *value);
    one(&padded, &mut done);
    last_to.iter_mut().zip(done).for_each(|(to, value)| *to = value);
}

#[target_feature(enable = "avx512f")]
fn one(from: &[f32; 16], to: &mut [f32; 16]) {
    #[expect(unsafe_code, reason = "16 values of f32 are read where 16 lie, at any alignment")]
    let x = unsafe { _mm512_loadu_ps(from.as_ptr()) };
    let y = silu(x);
    #[expect(unsafe_code, reason = "and written where 16 have room")]
    unsafe {
        _mm512_storeu_ps(to.as_mut_ptr(), y);
    }
}

#[target_feature(enable = "avx512f")]
fn silu(x: __m512) -> __m512 {
    let all = |value: f32| _mm512_set1_ps(value);
    let power = _mm512_min_ps(_mm512_mul_ps(x, all(-std::f32::consts::LOG2_E)), all(LARGEST_POWER));
    // 0 asks for whole numbers, to the nearest.
    let whole = _mm512_roundscale_ps::<0>(power);
    let part = _mm512_sub_ps(power, whole);
    let [a, b, c, d, e, f] = POWER_OF_TWO.map(all);
    let mut two_to_part = _mm512_fmadd_ps(a, part, b);
    for coefficient in [c, d, e, f] {
        two_to_part = _mm512_fmadd_ps(two_to_part, part, coefficient);
    }
    let below = _mm512_add_ps(all(1.0), _mm512_scalef_ps(two_to_part, whole));
    let near = _mm512_rcp14_ps(below);
    let reciprocal = _mm512_mul_ps(near, _mm512_fnmadd_ps(below, near, all(2.0)));
    _mm512_mul_ps(x, reciprocal)
}
