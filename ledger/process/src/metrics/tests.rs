#![expect(
    unreachable_pub,
    reason = "what the macros declare is public, and this module is not"
)]

use prometheus_client::metrics::counter::Counter;

use super::*;

crate::label! {
    /// A colour.
    Colour {
        /// Red.
        Red = "red",
        /// Green.
        Green = "green",
    }
}

crate::label! {
    /// A size.
    Size {
        /// S.
        Small = "small",
        /// M.
        Middle = "middle",
        /// L.
        Large = "large",
    }
}

crate::label_set! {
    /// A shirt.
    Shirt {
        /// Which colour.
        colour: Colour,
        /// Which size.
        size: Size,
    }
}

crate::catalogue! {
    /// All of it.
    SHOP:
    SOLD = Counter "holdfast_sold_total" None by Shirt, "Shirts sold", "";
    TAKEN = Counter "holdfast_taken_minor_total" Minor, "Money taken", "";
    OPEN = Gauge "holdfast_open_seconds" Seconds, "How long the shop is open", "";
}

#[test]
fn every_combination_of_labels_has_a_place_of_its_own() {
    let all: Vec<_> = (0..Shirt::COUNT).filter_map(Shirt::nth).collect();
    assert_eq!(all.len(), 6);
    for (place, shirt) in all.iter().enumerate() {
        assert_eq!(shirt.index(), place, "{shirt:?}");
        assert!(!all[..place].contains(shirt), "{shirt:?}");
    }
    assert_eq!(Shirt::nth(6), None);
    assert_eq!(
        Shirt::values(),
        [
            ("colour", vec!["red", "green"]),
            ("size", vec!["small", "middle", "large"])
        ]
    );
}

#[test]
fn series_are_there_from_the_start_or_from_their_first_use() {
    let sold = Series::<Shirt, Counter>::new(Counter::default, |shirt| shirt.colour == Colour::Red);
    let shirt = Shirt {
        colour: Colour::Green,
        size: Size::Large,
    };
    sold.of(shirt).inc();
    let mut registry = Registry::default();
    SOLD.register(&mut registry, sold.clone());
    assert_eq!(
        text(&registry),
        "# HELP holdfast_sold Shirts sold.\n# TYPE holdfast_sold counter\n\
         holdfast_sold_total{colour=\"red\",size=\"small\"} 0\n\
         holdfast_sold_total{colour=\"red\",size=\"middle\"} 0\n\
         holdfast_sold_total{colour=\"red\",size=\"large\"} 0\n\
         holdfast_sold_total{colour=\"green\",size=\"large\"} 1\n# EOF\n"
    );
}

#[test]
fn names_are_written_as_they_are_queried() {
    let mut registry = Registry::default();
    TAKEN.register(&mut registry, Counter::<u64>::default());
    let text = text(&registry);
    assert!(
        text.contains("\n# TYPE holdfast_taken_minor counter\n"),
        "{text}"
    );
    assert!(
        text.contains("\n# UNIT holdfast_taken_minor minor\n"),
        "{text}"
    );
    assert!(text.contains("\nholdfast_taken_minor_total 0\n"), "{text}");
    assert_eq!(
        (OPEN.family(), OPEN.base()),
        ("holdfast_open_seconds", "holdfast_open")
    );
    assert!(markdown(SHOP).contains("| `holdfast_sold_total` | counter | – | `colour`, `size` |"));
}
