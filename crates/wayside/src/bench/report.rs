//! What `wayside bench` tells: a table for people, a JSON document for machines. The figures come from
//! `measure` and `verdict`; nothing is computed here but shares and roundings.

use serde_json::{Value, json};
use wayside_detect::Provider;

use super::measure::Measured;
use super::verdict::{Bottleneck, Costs, HEADROOM, Verdict, camera_mb};
use crate::process::say;

/// From this share of the machine's CPU time on, other work spoils the result.
const BUSY: f64 = 0.05;

/// Prints the table.
pub fn print(measured: &Measured) {
    lines(measured).iter().for_each(|line| say(line));
}

fn lines(measured: &Measured) -> Vec<String> {
    let Measured { footage, limits, .. } = measured;
    let shown = footage.video.as_ref().map_or("the drawn street".to_owned(), |v| v.display().to_string());
    let mut lines = vec![
        format!(
            "{shown}: {}x{} at {:.1} frames a second, {:.1} s",
            footage.size.width, footage.size.height, footage.fps, footage.seconds
        ),
        format!(
            "profile {}, model {} on {}; {} cores, {} detections at a time",
            measured.profile,
            measured.model,
            provider(measured.provider),
            limits.cores,
            limits.workers
        ),
        String::new(),
    ];
    let row = |name: &str, of: &dyn Fn(&Costs, &Verdict) -> String| {
        let cells: String = measured.rates.iter().map(|(_, c, v)| format!("{:>18}", of(c, v))).collect();
        format!("{name:<34}{cells}")
    };
    let share = |of: fn(&Costs) -> f64, at: usize| {
        move |c: &Costs, _: &Verdict| format!("{:.4} ({:>2.0} %)", of(c), 100.0 * c.shares()[at])
    };
    let rates: String = measured.rates.iter().map(|(rate, ..)| format!("{rate:>18}")).collect();
    lines.push(format!("{:<34}{rates}", "analysed frames a second"));
    lines.push("CPU seconds for each second of a camera".to_owned());
    lines.push(row("  decoding alone", &share(|c| c.decode, 0)));
    lines.push(row("  inference alone", &share(|c| c.inference, 1)));
    lines.push(row("  everything else", &share(|c| c.whole - c.decode - c.inference, 2)));
    lines.push(row("  whole pipeline", &|c, _| format!("{:.4}        ", c.whole)));
    lines.push("cameras".to_owned());
    let cameras = |cameras: f64| format!("{cameras:.1}        ");
    lines.push(row("  arithmetic limit of the cores", &|_, v| cameras(v.arithmetic_limit)));
    lines.push(row("  capacity of the cores", &|_, v| cameras(v.cores)));
    if limits.workers < limits.cores {
        lines.push(row("  capacity of the workers", &|_, v| cameras(v.workers)));
    }
    if limits.accelerator_fps.is_some() {
        lines.push(row("  capacity of the accelerator", &|_, v| {
            v.accelerator.map_or_else(String::new, cameras)
        }));
    }
    if limits.memory_mb.is_some() {
        lines.push(row("  capacity of the memory", &|_, v| v.memory.map_or_else(String::new, cameras)));
    }
    let title = format!("  recommended, {:.0} % of that", 100.0 * HEADROOM);
    lines.push(row(&title, &|_, v| format!("{}          ", v.recommended)));
    lines.push(row("bottleneck", &|_, v| format!("{}        ", v.bottleneck.as_str())));
    lines.push(String::new());
    lines.extend(advice(measured));
    lines.extend(warnings(measured).into_iter().map(|warning| format!("warning: {warning}")));
    lines
}

/// One line for each bottleneck that there is.
fn advice(measured: &Measured) -> Vec<String> {
    let mut told: Vec<Bottleneck> = Vec::new();
    let mut lines = Vec::new();
    for (.., verdict) in &measured.rates {
        if !told.contains(&verdict.bottleneck) {
            told.push(verdict.bottleneck);
            let bottleneck = verdict.bottleneck;
            lines.push(format!("for more cameras ({}): {}", bottleneck.as_str(), bottleneck.advice()));
        }
    }
    lines
}

/// Why the result may be wrong.
fn warnings(measured: &Measured) -> Vec<String> {
    let (others, stolen) = (measured.other_work.others, measured.other_work.stolen);
    let mut warnings = Vec::new();
    if others + stolen > BUSY {
        warnings.push(format!(
            "other programs took {:.0} % and other guests of the host {:.0} % of this machine's CPU time \
             meanwhile; the figures are coarse: run it again when the machine is quiet",
            100.0 * others,
            100.0 * stolen
        ));
    }
    if measured.rates.iter().any(|(_, costs, _)| costs.whole < costs.decode + costs.inference) {
        warnings.push(
            "the pipeline cost less than decoding and the model on every due frame: motion gating spared the \
             detector frames that show nothing new. A busier road costs more"
                .to_owned(),
        );
    }
    if measured.footage.video.is_none() {
        warnings.push(
            "drawn pictures have no noise and decode more easily than a camera's: give a clip of your camera \
             for a figure to rely on"
                .to_owned(),
        );
    }
    warnings
}

/// The result for machines.
pub fn document(measured: &Measured) -> Value {
    let Measured { footage, limits, other_work, .. } = measured;
    let rates: Vec<Value> =
        measured.rates.iter().map(|(rate, costs, verdict)| at_rate(*rate, costs, verdict)).collect();
    json!({
        "footage": {
            "video": footage.video,
            "width": footage.size.width,
            "height": footage.size.height,
            "fps": rounded(footage.fps, 2),
            "duration_s": rounded(footage.seconds, 3),
        },
        "profile": measured.profile,
        "model": measured.model,
        "provider": provider(measured.provider),
        "machine": {
            "cores": limits.cores,
            "workers": limits.workers,
            "memory_available_mb": limits.memory_mb.map(|mb| rounded(mb, 0)),
            "memory_mb_per_camera": rounded(camera_mb(limits.size), 1),
            "other_programs_share": rounded(other_work.others, 3),
            "stolen_share": rounded(other_work.stolen, 3),
        },
        "rates": rates,
        "warnings": warnings(measured),
    })
}

fn at_rate(rate: f64, costs: &Costs, verdict: &Verdict) -> Value {
    let [decode, inference, rest] = costs.shares().map(|share| rounded(share, 3));
    json!({
        "rate_fps": rate,
        "due_fps": rounded(costs.due_fps, 3),
        "cpu_s_per_camera_s": {
            "decode": rounded(costs.decode, 5),
            "inference": rounded(costs.inference, 5),
            "pipeline": rounded(costs.whole, 5),
        },
        "shares": { "decode": decode, "inference": inference, "rest": rest },
        "cameras": {
            "arithmetic_limit": rounded(verdict.arithmetic_limit, 2),
            "cores": rounded(verdict.cores, 2),
            "workers": rounded(verdict.workers, 2),
            "accelerator": verdict.accelerator.map(|cameras| rounded(cameras, 2)),
            "memory": verdict.memory.map(|cameras| rounded(cameras, 2)),
            "capacity": rounded(verdict.capacity, 2),
            "recommended": verdict.recommended,
        },
        "bottleneck": verdict.bottleneck.as_str(),
    })
}

fn provider(provider: Provider) -> &'static str {
    match provider {
        Provider::Cpu => "cpu",
        Provider::Cuda => "cuda",
        Provider::TensorRt => "tensorrt",
    }
}

fn rounded(value: f64, digits: i32) -> f64 {
    let scale = 10_f64.powi(digits);
    (value * scale).round() / scale
}

#[cfg(test)]
mod tests {
    use wayside_types::FrameSize;

    use super::super::machine::OtherWork;
    use super::super::measure::Footage;
    use super::super::verdict::Limits;
    use super::*;

    fn measured(other_work: OtherWork) -> Measured {
        let size = FrameSize { width: 640, height: 360 };
        let limits = Limits { cores: 2, workers: 2, accelerator_fps: None, memory_mb: Some(8_000.0), size };
        let costs = |rate: f64| Costs {
            due_fps: rate,
            decode: 0.02,
            inference: rate * 0.016,
            whole: 0.025 + rate * 0.017,
        };
        let footage = Footage { video: Some("clip.mp4".into()), size, fps: 25.0, seconds: 20.0 };
        Measured {
            footage,
            profile: "arterial".to_owned(),
            model: "m".to_owned(),
            provider: Provider::Cpu,
            rates: [5.0, 10.0].map(|r| (r, costs(r), Verdict::of(&costs(r), &limits))).to_vec(),
            limits,
            other_work,
        }
    }

    #[test]
    fn the_table_and_the_document_agree() {
        let quiet = measured(OtherWork { others: 0.01, stolen: 0.0 });
        let text = lines(&quiet).join("\n");
        let document = document(&quiet);
        assert_eq!(document["rates"][0]["cameras"]["recommended"], 14, "{document}");
        assert_eq!(document["rates"][1]["cpu_s_per_camera_s"]["pipeline"], 0.195);
        assert_eq!(document["rates"][1]["bottleneck"], "inference");
        assert_eq!(document["warnings"], json!([]));
        for part in
            ["clip.mp4: 640x360", "0.1950", "14", "inference", "for more cameras (inference):", "a GPU"]
        {
            assert!(text.contains(part), "{part:?} is not in:\n{text}");
        }
        assert!(!text.contains("warning"), "{text}");
    }

    #[test]
    fn a_machine_with_other_work_to_do_is_warned_of() {
        let busy = measured(OtherWork { others: 0.37, stolen: 0.12 });
        let text = lines(&busy).join("\n");
        assert!(
            text.contains("warning: other programs took 37 % and other guests of the host 12 %"),
            "{text}"
        );
        assert_eq!(document(&busy)["warnings"].as_array().unwrap().len(), 1);
    }

    #[test]
    fn a_drawn_street_and_spared_frames_are_said() {
        let mut drawn = measured(OtherWork { others: 0.0, stolen: 0.0 });
        drawn.footage.video = None;
        drawn.rates[0].1.whole = 0.03;
        let text = lines(&drawn).join("\n");
        assert!(text.contains("the drawn street: 640x360") && text.contains("clip of your camera"), "{text}");
        assert!(text.contains("motion gating"), "{text}");
    }
}
