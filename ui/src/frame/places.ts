// Where one can go, for the rail, the palette and the keys.
export interface Place { path: string; name: string; icon: string; key: string; needs?: string }

export const PLACES: Place[] = [
  { path: "/", name: "Overview", icon: "overview", key: "o" },
  { path: "/jobs", name: "Jobs", icon: "jobs", key: "j" },
  { path: "/workflows", name: "Workflows", icon: "workflows", key: "w" },
  { path: "/schedules", name: "Schedules", icon: "schedules", key: "s" },
  { path: "/queues", name: "Queues", icon: "queues", key: "q" },
  { path: "/workers", name: "Workers", icon: "workers", key: "k" },
  { path: "/dead", name: "Dead letters", icon: "dead", key: "d" },
  { path: "/operations", name: "Operations", icon: "operations", key: "p" },
  { path: "/handlers", name: "Handlers", icon: "handlers", key: "h" },
  { path: "/alerts", name: "Alerts", icon: "alerts", key: "l" },
  { path: "/admin", name: "Admin", icon: "admin", key: "a" },
];
